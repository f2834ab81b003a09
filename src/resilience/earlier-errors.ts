/**
 * The errors of the attempts before the last. The last error itself is thrown, unchanged, so the earlier ones are kept
 * beside it: in a map that holds them no longer than the error lives, and that also takes frozen errors.
 */

/** Of a call that tries for hours, the latest are kept. */
export const EARLIER_ERRORS_MAX = 100

const earlierErrors = new WeakMap<object, readonly unknown[]>()

const NONE: readonly unknown[] = Object.freeze([])

/**
 * What the attempts before the last one threw, oldest first, at most 100.
 *
 * Empty where the first attempt was the last, and for what is no object: a string, or `undefined`, cannot carry
 * anything (`onRetry` heard of each). Where several calls end with one and the same object, it tells of the latest that
 * had something to tell.
 *
 * @param error what `withRetry` or a pipeline threw
 * @example
 * await withRetry(send).catch((error) => console.error(error, earlierErrorsOf(error)))
 */
export function earlierErrorsOf(error: unknown): readonly unknown[] {
  return isKey(error) ? (earlierErrors.get(error) ?? NONE) : NONE
}

/** Keeps what came before the error that is about to be thrown. */
export function keepEarlierErrors(error: unknown, earlier: readonly unknown[]): void {
  // Nothing to say leaves what a retry inside this one has said.
  if (earlier.length === 0 || !isKey(error)) return
  earlierErrors.set(error, Object.freeze(earlier.slice(-EARLIER_ERRORS_MAX)))
}

function isKey(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
