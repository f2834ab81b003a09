/**
 * Which of several equal requests a retry belongs to. They are equal, so it matters only that the numbers add up: each
 * is matched at most once by a retry of one number, and one that has just had the number before comes first.
 */
export interface Attempted {
  /** The numbers of the attempts that are known to be of this request. */
  readonly attempts: number[]
}

/** The one that a retry belongs to, which has this number from now on; undefined where all have it already. */
export function claimFor<T extends Attempted>(candidates: Iterable<T>, number: number): T | undefined {
  let best: T | undefined
  let bestNewest = -Infinity
  for (const candidate of candidates) {
    const { attempts } = candidate
    if (attempts.includes(number)) continue
    const before = Math.max(-1, ...attempts.filter((attempt) => attempt < number))
    if (before <= bestNewest) continue
    best = candidate
    bestNewest = before
  }
  best?.attempts.push(number)
  return best
}
