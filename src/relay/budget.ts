/** Memory for bodies of requests under way: taken before they are read, given back when they are answered. */
export interface Budget {
  /** Whether there is room; if so, it is taken. */
  take(bytes: number): boolean
  give(bytes: number): void
}

export function createBudget(bytesMax: number): Budget {
  let used = 0
  return {
    take(bytes) {
      // One body is read whatever its size, or a small budget would refuse it for ever.
      if (used > 0 && used + bytes > bytesMax) return false
      used += bytes
      return true
    },
    give(bytes) {
      used -= bytes
    },
  }
}
