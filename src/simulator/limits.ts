/** The documented limits as Customer.io refuses what is over them. */
import type { Problem } from '../errors.ts'
import type { Call } from '../protocol/call.ts'

/** "/batch is limited to requests 500kb or smaller". Where the provider refuses; our own batches are cut earlier. */
export const BATCH_REFUSED_ABOVE_BYTES = 500_000

export function refusalsOf(call: Call): readonly Problem[] {
  return otherId(call)
}

/** Recorded from production in 2023: a v1 identify whose body names another id than its path. */
function otherId(call: Call): readonly Problem[] {
  if (call.type !== 'identify' || call.dialect !== 'v1' || call.person.by !== 'path') return []
  const { value } = call.person
  const id = call.attributes['id']
  if (typeof id !== 'string' || id === value || value.includes('@') || value.startsWith('cio_')) return []
  return [{ field: 'id', reason: 'mismatch', message: 'id attribute and identifier are not the same value' }]
}
