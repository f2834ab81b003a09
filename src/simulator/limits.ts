/** The documented limits as Customer.io refuses what is over them. */
import type { Problem } from '../errors.ts'
import type { Call } from '../protocol/call.ts'
import { lintCall } from '../protocol/lint.ts'

/** "/batch is limited to requests 500kb or smaller". Where the provider refuses; our own batches are cut earlier. */
export const BATCH_REFUSED_ABOVE_BYTES = 500_000

/**
 * What the lint warns of and Customer.io lets pass: times in milliseconds are taken for a far future, a merge of a
 * person with themselves does nothing, a form may name its person twice.
 */
const LET_PASS: ReadonlySet<string> = new Set(['milliseconds', 'same-person', 'ambiguous'])

export function refusalsOf(call: Call): readonly Problem[] {
  const problems = lintCall(call).filter(({ reason }) => !LET_PASS.has(reason))
  const other = otherId(call)
  return other === undefined ? problems : [other, ...problems]
}

/** Whether a problem is that one operation of v2 is too large. */
export function isOversize({ field, reason }: Problem): boolean {
  return field === 'operation' && reason === 'too-long'
}

/** Recorded from production in 2023: a v1 identify whose body names another id than its path. */
function otherId(call: Call): Problem | undefined {
  if (call.type !== 'identify' || call.person.by !== 'path') return undefined
  const { value } = call.person
  const id = call.attributes['id']
  if (typeof id !== 'string' || id === value || value.includes('@') || value.startsWith('cio_')) return undefined
  return { field: 'id', reason: 'mismatch', message: 'is not the same value as the identifier' }
}
