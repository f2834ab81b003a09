/** The judgement of a call by whoever made it, held to what a judgement can be. */
import type { Clock } from '../runtime/clock.ts'
import { classify, type CallOutcome, type Classification, type Verdict } from './classify.ts'

/** What a call's end says about the server: `throttled` counts as neutral, `permanent` as a success. */
export type ClassifyCall = (outcome: CallOutcome) => Verdict | Classification

const VERDICTS: ReadonlySet<unknown> = new Set(['success', 'failure', 'throttled', 'permanent', 'neutral'])

/** The user's own; ours where theirs throws or is none. */
export function judge(outcome: CallOutcome, own: ClassifyCall | undefined, clock: Clock): Classification {
  if (own === undefined) return classify(outcome, clock)
  try {
    const said = own(outcome)
    const classification = typeof said === 'object' ? said : { verdict: said }
    if (VERDICTS.has(classification.verdict)) return classification
  } catch {
    // As if it had said nothing.
  }
  return classify(outcome, clock)
}
