/** A request that got no answer, as an outcome. */
import { findInError, networkTroubleOf } from '../runtime/network-error.ts'
import type { Outcome } from './outcome.ts'

/** What the sender knows better than the error: who ended the attempt. */
export interface FailureContext {
  /** The attempt's own time ran out. */
  readonly timedOut: boolean
  /** The caller, or the end of the program, ended it. */
  readonly aborted: boolean
}

/** What a thrown error means. A request without an answer may have been applied all the same. Never throws. */
export function classifyFailure(error: unknown, context: FailureContext): Outcome {
  if (context.timedOut) return { kind: 'retry', reason: 'timeout' }
  if (context.aborted) return { kind: 'aborted' }
  return { kind: 'retry', reason: findInError(error, networkTroubleOf)?.reason ?? 'network' }
}
