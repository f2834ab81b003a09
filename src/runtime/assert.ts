/** Throws when an invariant of this package does not hold: a bug of ours, never the caller's mistake. Stays on in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`holdfast: broken invariant: ${message}`)
}

/** For the default of a switch over a union: the compiler proves it cannot be reached. */
export function unreachable(value: never): never {
  throw new Error(`holdfast: unreachable value of kind ${typeof value}`)
}
