/** One attempt with a pass of the gate: sent, reported to the gate as one answer, told as one event. */
import type { Events } from '../observe/events.ts'
import type { HttpParts } from '../protocol/encode.ts'
import type { Outcome } from '../protocol/outcome.ts'
import type { TraceContext } from '../protocol/trace-context.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Pass, SendingGate } from './gate.ts'
import type { Attempt, Sender } from './sender.ts'

export interface AttemptParts {
  readonly sender: Sender
  readonly gate: SendingGate
  readonly runtime: Runtime
  readonly events: Events
}

/** What is sent, for how many entries, and how long it may take at most. */
export interface Sending {
  readonly request: HttpParts
  readonly entries: number
  readonly timeoutMs: number
  /** Monotonic time from which that runs: of the look at the leases that it goes under. @defaultValue when it is sent */
  readonly fromMs?: number
  readonly signal: AbortSignal
  /** Of the entries that have one. */
  readonly traces: readonly TraceContext[]
}

/** More are not told: a span with a thousand links is of no use to anybody. */
const TRACES_MAX = 100

export interface Judged {
  readonly attempt: Attempt
  /** `park`: what was rejected is to be kept, for the fault is ours. */
  readonly verdict: 'as-is' | 'park'
}

export async function attemptWith(pass: Pass, sending: Sending, parts: AttemptParts): Promise<Judged> {
  const { request, entries } = sending
  const attempt = await parts.sender.send(request, entries, sending.timeoutMs, sending.signal, sending.fromMs)
  const whole = wholeOf(attempt)
  const nowMs = parts.runtime.clock.monotonicMs()
  const { verdict } = parts.gate.leave(pass, { ...whole, durationMs: attempt.durationMs }, nowMs)
  if (parts.events.active()) {
    parts.events.emit({
      type: 'request',
      entries,
      bytes: Buffer.byteLength(request.body ?? ''),
      durationMs: attempt.durationMs,
      status: attempt.status,
      outcome: isMixed(attempt) ? 'mixed' : whole.kind,
      ...(whole.kind === 'retry' ? { reason: whole.reason } : {}),
      probe: pass.probe,
      ...(sending.traces.length > 0 ? { traces: sending.traces.slice(0, TRACES_MAX) } : {}),
    })
  }
  return { attempt, verdict }
}

/** For an entry that an answer says nothing about: send the same again. */
export const NO_OUTCOME: Outcome = { kind: 'retry', reason: 'bad-answer' }

/** The answer as one: what a 2xx says of single entries is no news of the provider's health. */
function wholeOf(attempt: Attempt): Outcome {
  const isGood = attempt.status !== null && attempt.status >= 200 && attempt.status < 300
  return isGood ? { kind: 'delivered' } : (attempt.outcomes[0] ?? NO_OUTCOME)
}

function isMixed(attempt: Attempt): boolean {
  return attempt.outcomes.some((outcome) => outcome.kind !== attempt.outcomes[0]?.kind)
}
