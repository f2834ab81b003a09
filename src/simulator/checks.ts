/**
 * What is wrong with one operation in Customer.io's eyes: its structure, then (when strict) the documented limits,
 * then the faults that look at calls.
 */
import type { Problem } from '../errors.ts'
import type { Call, Dialect } from '../protocol/call.ts'
import { inTheirWords } from '../protocol/words.ts'
import type { Struck } from './faults.ts'
import { isOversize, refusalsOf } from './limits.ts'
import type { Operation } from './operations.ts'
import type { ResolvedOptions } from './options.ts'

export interface Verdict {
  readonly problems: readonly Problem[]
  /** In a batch: whether the whole of it is refused. */
  readonly fatal: boolean
}

const NOTHING: Verdict = Object.freeze({ problems: [], fatal: false })

export function check(
  operation: Operation,
  dialect: Dialect,
  options: ResolvedOptions,
  faults: Struck['calls'],
): Verdict {
  const { call } = operation
  const problems = call === null ? operation.problems : [...unnamed(call), ...(options.strict ? refusalsOf(call) : [])]
  if (call === null || problems.length > 0) {
    const fatal = options.oversizedItem === 'batch' && problems.some(isOversize)
    return { problems: problems.map((problem) => inTheirWords(problem, dialect)), fatal }
  }
  return faults.length === 0 ? NOTHING : checkFaults(call, operation.batchIndex ?? 0, faults)
}

/** A form names its person in its data. */
function unnamed(call: Call): readonly Problem[] {
  if (call.type !== 'form') return []
  const named = [call.data['id'], call.data['email']].some((name) => name !== undefined && name !== null && name !== '')
  return named ? [] : [{ field: 'data', reason: 'required', message: 'must contain id or email' }]
}

function checkFaults(call: Call, index: number, faults: Struck['calls']): Verdict {
  for (const { fault, struck } of faults) {
    if (!fault.item(call, index)) continue
    struck()
    if (fault.kind === 'poison') {
      return {
        problems: [{ field: 'batch', reason: 'malformed', message: 'the request was malformed or invalid' }],
        fatal: true,
      }
    }
    const { reason = 'invalid', field = 'attributes', message = 'refused by a fault' } = fault
    return { problems: [{ reason, field, message }], fatal: false }
  }
  return NOTHING
}
