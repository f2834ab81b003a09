/** A time limit for one operation. What it does and does not do is in `attempt.ts`. */
import type { Clock } from '../runtime/clock.ts'
import { systemRuntime } from '../runtime/system.ts'
import { Attempt, checkOperation, checkSignal, type Operation } from './attempt.ts'
import { checkNumber } from './check-number.ts'

export interface TimeoutOptions {
  /** The caller's own abort, which ends the wait at once. */
  readonly signal?: AbortSignal | undefined
  /** @defaultValue the system's */
  readonly clock?: Clock
}

/**
 * Runs an operation and stops waiting for it when its time is up or the caller aborts.
 *
 * The operation gets `{ signal, remainingMs() }`; pass the signal on, so that the work ends too and not the waiting
 * alone. The signal is aborted only by the time or by the caller, never after a success, so a body may be read on.
 *
 * @param operation may return a promise or a value, and may throw
 * @param timeoutMs in milliseconds, above 0, of any length. Infinity: no limit
 * @returns resolves to the operation's result, which wins when it comes first
 * @throws TimeoutError (`code` `'TIMEOUT'`) when the time is up; the operation may have had its effect
 * @throws the reason of `signal`, when the caller aborts; where it had aborted before, the operation is not run
 * @throws OptionsError naming the field
 * @example
 * const response = await withTimeout(({ signal }) => fetch(url, { signal }), 10_000)
 */
export async function withTimeout<T>(
  operation: Operation<T>,
  timeoutMs: number,
  options: TimeoutOptions = {},
): Promise<T> {
  const { signal, clock = systemRuntime.clock } = options
  checkOperation(operation)
  checkNumber('timeoutMs', timeoutMs, { above: 0, infinite: true })
  checkSignal(signal)
  if (signal?.aborted === true) throw signal.reason
  return new Attempt({ clock, timeoutMs, signal }).run(operation)
}
