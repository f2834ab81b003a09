/**
 * Work on many rows, in steps of some milliseconds each, so that appends and claims go on between them. Between two
 * steps anything may have changed.
 */

export type Steps<Result> = Generator<undefined, Result, undefined>

/** All steps at once. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
