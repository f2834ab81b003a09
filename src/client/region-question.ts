/**
 * The question for the account's region, asked for health's sake: `GET /api/v1/accounts/region`. It changes nothing at
 * Customer.io and creates nobody.
 *
 * Invariants
 * 1. One question at a time: whoever asks meanwhile gets the same answer.
 * 2. At most one in an interval, and none before a 429's Retry-After is over: until then the newest answer stands.
 * 3. No timer between questions, and nothing is asked unless somebody wants to know.
 */
import { isTimeout, type Reply, type Sender } from '../delivery/sender.ts'
import type { AskedProbe, HealthProbe, OmittedProbe } from '../observe/probe.ts'
import { encodeRegion } from '../protocol/encode.ts'
import { classifyFailure, type Outcome } from '../protocol/outcome.ts'
import { judgeFailure, judgeRegionAnswer, type RegionVerdict } from '../protocol/region-answer.ts'
import type { Region } from '../protocol/regions.ts'
import type { Clock } from '../runtime/clock.ts'

/** How often and how long a question may be asked, and what its answer should be. */
export interface QuestionSettings {
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Where the account is thought to live; null when nobody has said so. */
  readonly region: Region | null
}

export interface QuestionParts {
  readonly sender: Pick<Sender, 'ask'>
  readonly clock: Clock
  readonly settings: QuestionSettings
  /** Asked before each question: why it may not go now, or undefined. */
  readonly admit: (nowMs: number) => OmittedProbe['reason'] | undefined
  /** Told after each question. */
  readonly answered: (verdict: RegionVerdict, probe: AskedProbe, durationMs: number) => void
}

export interface RegionQuestion {
  /** The answer of this interval, asked for now if there is none yet. Never rejects. */
  ask(): Promise<HealthProbe>
  /** Ends a question that is under way, and asks no more. */
  close(): void
}

const CLOSING: OmittedProbe = Object.freeze({ asked: false, reason: 'closing' })

export function createRegionQuestion(parts: QuestionParts): RegionQuestion {
  const { sender, clock, settings, admit, answered } = parts
  const controller = new AbortController()
  let running: Promise<HealthProbe> | undefined
  let newest: AskedProbe | undefined
  let againAtMs = -Infinity

  async function put(startedMs: number): Promise<HealthProbe> {
    let reply: Reply | undefined
    let verdict: RegionVerdict
    try {
      reply = await sender.ask(encodeRegion(), settings.timeoutMs, controller.signal)
      verdict = judgeRegionAnswer({ ...reply, nowWallMs: clock.wallMs() }, settings.region)
    } catch (error) {
      verdict = verdictOfError(error, controller.signal.aborted)
    }
    if (controller.signal.aborted) return CLOSING
    const endedMs = clock.monotonicMs()
    const afterMs = verdict.kind === 'throttled' ? (verdict.afterMs ?? 0) : 0
    againAtMs = Math.max(startedMs + settings.intervalMs, endedMs + afterMs)
    newest = probeOf(verdict, reply?.status ?? null, clock.wallMs(), endedMs - startedMs)
    answered(verdict, newest, endedMs - startedMs)
    return newest
  }

  return {
    ask() {
      if (controller.signal.aborted) return Promise.resolve(CLOSING)
      if (running !== undefined) return running
      const nowMs = clock.monotonicMs()
      if (newest !== undefined && nowMs < againAtMs) return Promise.resolve(newest)
      const reason = admit(nowMs)
      if (reason !== undefined) return Promise.resolve({ asked: false, reason })
      running = put(nowMs).finally(() => (running = undefined))
      return running
    },
    close: () => controller.abort(ENDED),
  }
}

// Made once: a reason that is not given is a DOMException with a stack.
const ENDED = new Error('nobody wants to know any more')

function verdictOfError(error: unknown, aborted: boolean): RegionVerdict {
  const outcome: Outcome = classifyFailure(error, { timedOut: isTimeout(error), aborted })
  return outcome.kind === 'delivered' ? { kind: 'failed', reason: 'bad-answer' } : judgeFailure(outcome)
}

function probeOf(verdict: RegionVerdict, status: number | null, atMs: number, durationMs: number): AskedProbe {
  const { environmentId } = { environmentId: undefined, ...verdict }
  return {
    asked: true,
    atMs,
    outcome: verdict.kind,
    status,
    latency: status === null ? null : durationMs,
    region: verdict.kind === 'ok' || verdict.kind === 'region-mismatch' ? verdict.region : null,
    ...(environmentId === undefined ? {} : { environmentId }),
    reason: verdict.kind === 'failed' ? verdict.reason : null,
  }
}
