/**
 * `executeIdempotent`: at most one execution of a key at a time, and none while its result is remembered. In one
 * process the callers of a key share a flight; between processes its store decides.
 */
import { AbortedError, ValidationError } from '../errors.ts'
import { Flight, flightsOf } from './flight.ts'
import { problemOfKey } from './key.ts'
import { type ExecuteIdempotentOptions, resolveExecuteOptions } from './options.ts'
import { kindOf } from '../protocol/kind.ts'

/**
 * Executes an operation unless its result is known: calls with the same key that come while it is executed share this
 * execution and its result, calls that come within `ttlMs` after its success get the result without executing. A
 * failure is not remembered: all who share the execution get its error, the next call executes again.
 *
 * What is resolved to is the result as JSON gives it back, for the first caller as for all later ones: a date comes as
 * text, undefined members are left out. Undefined itself stays undefined.
 *
 * @param key up to 1,000 bytes; see `generateIdempotencyKey`. Calls with the same key must mean the same: only the
 *   operation of the first is called, with its options. An operation that executes its own key waits for itself.
 * @param operation is called without arguments. The key is its own for `leaseMs`, which is extended as long as it runs
 *   and the event loop turns; when its process dies, another one may execute the key after that time.
 * @param options `ttlMs` (1 hour), `store` (this process; `cio.idempotency` for the outbox, which survives restarts),
 *   `signal`, `leaseMs` (30 seconds), `onStoreError`.
 * @returns the result, once the store has it. If the store fails then, the result all the same; `onStoreError` is told.
 * @throws what the operation throws. `AbortedError`: this call's signal aborted; what others share goes on.
 *   `ValidationError`: a bad key or operation, or a result that JSON cannot carry or with more than 1,000,000
 *   characters; the operation then was executed, and is not executed again within `ttlMs`. `OptionsError`.
 *   `ExecutionsFullError`: 100,000 keys are under way. The error of the store that cannot say who executes; then
 *   nothing was executed.
 * @example
 * ```ts
 * const receipt = await executeIdempotent(`charge:${order.id}`, () => payments.charge(order), { store: cio.idempotency })
 * ```
 */
export async function executeIdempotent<Result>(
  key: string,
  operation: () => Result | PromiseLike<Result>,
  options: ExecuteIdempotentOptions = {},
): Promise<Result> {
  check(key, operation)
  const settings = resolveExecuteOptions(options)
  const { signal } = options
  if (signal?.aborted) throw new AbortedError(signal.reason, 'the call was aborted by its signal before it began')
  const flights = flightsOf(settings.store)
  const flight = flights.get(key) ?? new Flight(flights, key, operation, settings)
  // The flight may have been begun by a call with another type of result: the key says that they mean the same.
  return (await flight.join(signal)) as Result
}

function check(key: unknown, operation: unknown): void {
  const problem = problemOfKey(key, 'key')
  if (problem !== undefined) throw new ValidationError([problem])
  if (typeof operation === 'function') return
  const message = 'must be a function'
  throw new ValidationError([{ field: 'operation', reason: 'type', message, kind: kindOf(operation) }])
}
