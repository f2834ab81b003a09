/** What an attempt took is given back, and what it showed is told, in the one order: permit, slot, rate, budget. */
import { callResultOf, type Classification } from './classify.ts'
import type { RunningAttempt } from './pipeline-attempt.ts'
import type { PipelineCore } from './pipeline-core.ts'
import type { PipelineLimit } from './pipeline-limit.ts'

export function release(
  core: PipelineCore,
  limit: PipelineLimit,
  attempt: RunningAttempt,
  means: Classification,
  nowMs: number,
): void {
  const { verdict, retryAfterMs } = means
  const durationMs = nowMs - attempt.startedAtMs
  core.breaker.report(
    attempt.permit,
    callResultOf(verdict),
    nowMs,
    retryAfterMs === undefined ? { durationMs } : { durationMs, retryAfterMs },
  )
  if (verdict === 'failure' || core.narrowed) core.narrow(nowMs)
  limit.slots.giveBack(nowMs)
  if (verdict === 'success') {
    limit.limiter.succeeded(nowMs)
    core.budget?.succeeded()
  } else if (verdict === 'throttled') {
    core.throttled++
    if (limit.rate.throttled(nowMs, retryAfterMs)) {
      const { perSecond, cooldownMs } = limit.limiter.view(nowMs)
      core.tell({ type: 'throttled', limit: limit.name, perSecond, cooldownMs })
    }
  }
  core.judgeCredentials(verdict, means.unauthorized === true, nowMs)
}
