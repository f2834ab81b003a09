/** What goes wrong at Customer.io, and what it says afterwards of what came. */
import type { Call } from '../../../src/protocol/call.ts'
import type { LedgerEntry, Simulator } from '../../../src/simulator/index.ts'
import type { Arrival } from './account.ts'
import { isRefused, nameOf, personOf, type Size, typeOf } from './plan.ts'

export function addFaults({ faults }: Simulator): void {
  faults.add({ kind: 'status', status: 429, share: 0.01 })
  faults.add({ kind: 'status', status: 500, share: 0.02 })
  faults.add({ kind: 'status', status: 503, applied: true, share: 0.01 })
  faults.add({ kind: 'reset', applied: true, share: 0.01 })
  faults.add({ kind: 'half-response', share: 0.01 })
  faults.add({ kind: 'items', item: (call) => isRefused(numberOf(call) ?? -1) })
}

function numberOf(call: Call | null): number | undefined {
  const number =
    call?.type === 'event' ? call.data['number'] : call?.type === 'identify' ? call.attributes['number'] : undefined
  return typeof number === 'number' ? number : undefined
}

export function arrivalsAt({ ledger }: Simulator): readonly Arrival[] {
  return ledger.all().flatMap((entry) => {
    const number = numberOf(entry.call)
    if (number === undefined) throw new Error('something arrived that nobody stored')
    return isLookedAt(entry, number)
      ? [{ number, identity: `${entry.type} ${entry.type === 'event' ? entry.id : ''} ${entry.timestamp}` }]
      : []
  })
}

/** A fault that came before the work leaves an entry in the ledger as well. */
function isLookedAt({ applied, duplicate, status }: LedgerEntry, number: number): boolean {
  return applied || duplicate || (isRefused(number) && (status === 207 || status === 400))
}

/** Of each person the number that the newest identify should have left, and the one that is there. */
export function finalsAt(
  { workspace }: Simulator,
  size: Size,
): readonly { readonly wanted: number | undefined; readonly found: unknown }[] {
  const wanted = new Map<number, number>()
  for (let number = 0; number < size.operations; number++) {
    if (typeOf(number) === 'identify' && !isRefused(number)) wanted.set(personOf(number, size), number)
  }
  return Array.from({ length: size.people }, (_, person) => ({
    wanted: wanted.get(person),
    found: workspace.person(nameOf(person))?.attributes['number'],
  }))
}
