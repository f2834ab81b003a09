/**
 * Tries an operation again while that is worth it: attempt, classify, decide, wait.
 *
 * - The last outcome is what the caller gets: the very error that was thrown, or the answer that failed.
 * - Nothing begins after the caller's abort, and nothing waits past the deadline.
 * - The process lives while the caller waits, and no longer.
 */
import { TimeoutError } from '../errors.ts'
import { sleep } from '../runtime/clock.ts'
import { Attempt, checkOperation, type Operation, type OperationContext } from './attempt.ts'
import { discardAnswer } from './discard-answer.ts'
import { EARLIER_ERRORS_MAX, keepEarlierErrors } from './earlier-errors.ts'
import { decideRetry } from './retry-decision.ts'
import { resolveRetryOptions, type ResolvedRetryOptions, type RetryEvent, type RetryOptions } from './retry-options.ts'

/** What each attempt is told. May be taken apart: `({ signal, attempt }) => ...`. */
export interface AttemptContext extends OperationContext {
  /** 1 for the first. */
  readonly attempt: number
}

/**
 * Runs an operation, and again after a wait when it failed in a way that another attempt may mend.
 *
 * Tried again are 429 (after its Retry-After), 408, 425, 5xx, errors of the network and plain errors; not other 4xx,
 * not what was aborted, and not a request that may have been applied unless `idempotent` says that twice does no harm.
 * An answer that is returned, like a `Response`, is judged as one that is thrown; the one that is not the last has its
 * body cancelled, so that its connection is free.
 *
 * Only one layer should retry: switch off the retries of the client inside (`retry: { maxRetries: 0 }` for
 * customerio-node).
 *
 * @param operation gets `{ attempt, signal, remainingMs() }`. Pass the signal on. May return a value, and may throw
 * @param options see `RetryOptions`: 3 retries after 1 s, 2 s and 4 s with full jitter unless told
 * @returns resolves to the first result that is not tried again
 * @throws what the last attempt threw, itself; `earlierErrorsOf` tells of the others
 * @throws the reason of `signal`, when the caller aborts; where it had aborted before, nothing is run
 * @throws TimeoutError when the last attempt reached `attemptTimeoutMs` or the deadline
 * @throws OptionsError naming the field
 * @example
 * await withRetry(({ signal }) => fetch(url, { method: 'PUT', body, signal }), {
 *   idempotent: true,
 *   attemptTimeoutMs: 10_000,
 *   deadlineMs: 30_000,
 * })
 */
export async function withRetry<T>(operation: Operation<T, AttemptContext>, options: RetryOptions = {}): Promise<T> {
  checkOperation(operation)
  const policy = resolveRetryOptions(options)
  const { signal, budget, clock, deadlineMs } = policy
  if (signal?.aborted === true) throw signal.reason
  const deadlineAtMs = deadlineMs === Infinity ? Infinity : clock.monotonicMs() + deadlineMs
  const earlier: unknown[] = []
  for (let attempt = 1; ; attempt++) {
    const call = new Attempt({ clock, signal, timeoutMs: attemptTimeoutMs(policy, deadlineAtMs) }, attempt)
    const outcome = await outcomeOf(operation, call)
    if (call.endedBy === 'caller') throw withEarlier(signal?.reason, earlier)
    const classification = policy.classify(outcome)
    if (classification.verdict === 'success') {
      budget?.succeeded()
      return conclude(outcome, earlier)
    }
    const nowMs = clock.monotonicMs()
    const decision = decideRetry(classification, policy, { attempt, remainingMs: deadlineAtMs - nowMs, nowMs })
    if (!decision.again) return conclude(outcome, earlier)
    const { delayMs } = decision
    tell(policy, { attempt, error: undefined, value: undefined, ...outcome, verdict: classification.verdict, delayMs })
    if ('value' in outcome) discardAnswer(outcome.value)
    const end = await sleep(clock, delayMs, signal, 'held')
    if (end === 'elapsed' && clock.monotonicMs() < deadlineAtMs) {
      remember(outcome, earlier)
      continue
    }
    // The retry that was paid for is not made: the caller aborted, or the process slept past the deadline.
    budget?.giveBack()
    if (end === 'elapsed' && 'error' in outcome) return conclude(outcome, earlier)
    remember(outcome, earlier)
    throw withEarlier(end === 'aborted' ? signal?.reason : new TimeoutError(deadlineMs), earlier)
  }
}

type Outcome<T> = { readonly error: unknown } | { readonly value: T }

async function outcomeOf<T>(operation: Operation<T, AttemptContext>, call: Attempt): Promise<Outcome<T>> {
  try {
    return { value: await call.run(operation) }
  } catch (error) {
    return { error }
  }
}

function attemptTimeoutMs(policy: ResolvedRetryOptions, deadlineAtMs: number): number {
  return deadlineAtMs === Infinity
    ? policy.attemptTimeoutMs
    : Math.min(policy.attemptTimeoutMs, deadlineAtMs - policy.clock.monotonicMs())
}

/** The last outcome, as it was. */
function conclude<T>(outcome: Outcome<T>, earlier: readonly unknown[]): T {
  if ('error' in outcome) throw withEarlier(outcome.error, earlier)
  return outcome.value
}

function withEarlier(error: unknown, earlier: readonly unknown[]): unknown {
  keepEarlierErrors(error, earlier)
  return error
}

function remember(outcome: Outcome<unknown>, earlier: unknown[]): void {
  if (!('error' in outcome)) return
  earlier.push(outcome.error)
  if (earlier.length > EARLIER_ERRORS_MAX) earlier.shift()
}

/** A listener's trouble is its own, also where it is asynchronous. */
function tell({ onRetry }: ResolvedRetryOptions, event: RetryEvent): void {
  if (onRetry === undefined) return
  try {
    const returned: unknown = onRetry(event)
    if (returned instanceof Promise) returned.catch(() => undefined)
  } catch {
    // Dropped.
  }
}
