/**
 * One checker for each promise of `docs/guarantees.md`. Each returns sentences; none means that the promise held.
 */
import type { DeadLetter } from '../../src/index.ts'
import type { OutboxStats } from '../../src/outbox/outbox.ts'
import type { Arrival } from './network.ts'
import { acknowledged, type Issued, type Oracle } from './oracle.ts'
import type { Plan } from './plan.ts'

export interface Evidence {
  readonly plan: Plan
  readonly oracle: Oracle
  readonly arrivals: readonly Arrival[]
  readonly deadLetters: readonly DeadLetter[]
  readonly stats: OutboxStats
}

type Checker = (evidence: Evidence) => string[]

/** Every acknowledged operation is delivered or is a dead letter with a reason that it may have; no other ones are dead. */
const neverLost: Checker = ({ oracle, arrivals, deadLetters, plan }) => {
  const dead = new Map(deadLetters.map((letter) => [letter.id, letter.reason]))
  const taken = new Set(arrivals.map((arrival) => arrival.mark))
  const problems: string[] = []
  for (const { call, id } of acknowledged(oracle)) {
    const reason = dead.get(id ?? '')
    if (reason === 'rejected' && !call.poison) problems.push(`call ${call.n} is dead without reason`)
    if (reason === 'expired' && plan.maxAgeMs === null) problems.push(`call ${call.n} expired without a limit`)
    if (reason !== undefined) continue
    if (call.poison) problems.push(`poison ${call.n} is no dead letter`)
    else if (call.mark.includes('#') && !taken.has(call.mark)) problems.push(`call ${call.n} (${call.mark}) is lost`)
  }
  return problems
}

/** In each lane the calls arrive in the order in which they were made; a repeat is always of the newest one. */
const inOrder: Checker = ({ oracle, arrivals, deadLetters, plan }) => {
  const dead = new Set(deadLetters.map((letter) => letter.id))
  const expected = new Map<string, { mark: string; required: boolean }[]>()
  for (const issued of oracle) {
    // A call that was tried before it was refused may have arrived.
    const isRefused = issued.state === 'refused' && plan.mode === 'outbox'
    if (isRefused || issued.state === 'duplicate' || issued.call.poison) continue
    // One that expired may have arrived with its answer lost.
    const isDead = issued.id !== undefined && dead.has(issued.id)
    for (const lane of issued.call.lanes) {
      const list = expected.get(lane) ?? []
      list.push({
        mark: issued.call.mark,
        required: (issued.state === 'stored' || issued.state === 'delivered') && !isDead,
      })
      expected.set(lane, list)
    }
  }
  const arrived = new Map<string, string[]>()
  for (const arrival of arrivals) {
    // What a dead process had on its way directly was never acknowledged, and nobody waits for it.
    if (plan.mode === 'direct' && arrival.isPosthumous) continue
    for (const lane of arrival.lanes) arrived.set(lane, [...(arrived.get(lane) ?? []), arrival.mark])
  }
  const problems: string[] = []
  for (const lane of new Set([...expected.keys(), ...arrived.keys()])) {
    const wanted = expected.get(lane) ?? []
    const got = arrived.get(lane) ?? []
    if (isInOrder(got, wanted)) continue
    const asked = wanted.map(({ mark, required }) => (required ? mark : `(${mark})`)).join(' ')
    problems.push(`lane ${lane}: called ${asked}; arrived ${got.join(' ')}`)
  }
  return problems
}

/** Whether the arrivals can be read as the expected ones in their order, optional ones left out, the newest repeated. */
function isInOrder(got: readonly string[], wanted: readonly { mark: string; required: boolean }[]): boolean {
  // reach[j]: the arrivals so far can be matched with exactly the first j expected ones.
  let reach = new Set<number>([0])
  const skip = (from: Set<number>): Set<number> => {
    const all = new Set(from)
    for (let j = 0; j < wanted.length; j++) if (all.has(j) && !wanted[j]!.required) all.add(j + 1)
    return all
  }
  reach = skip(reach)
  for (const [i, mark] of got.entries()) {
    const next = new Set<number>()
    for (const j of reach) {
      if (wanted[j]?.mark === mark) next.add(j + 1)
      if (i > 0 && got[i - 1] === mark) next.add(j)
    }
    reach = skip(next)
  }
  return reach.has(wanted.length)
}

/** A repeat carries the same id and the same time; both are those of the call. */
const onceInEffect: Checker = ({ oracle, arrivals }) => {
  const first = new Map<string, Arrival>()
  const issuedBy = new Map<string, Issued[]>()
  for (const issued of oracle) {
    issuedBy.set(issued.call.mark, [...(issuedBy.get(issued.call.mark) ?? []), issued])
  }
  const problems: string[] = []
  for (const arrival of arrivals) {
    if (!arrival.mark.includes('#')) continue
    const before = first.get(arrival.mark)
    if (before === undefined) first.set(arrival.mark, arrival)
    else if (before.id !== arrival.id || before.timestamp !== arrival.timestamp) {
      problems.push(`${arrival.mark} was repeated with another id or time`)
    }
    const calls = issuedBy.get(arrival.mark) ?? []
    if (calls.length === 0) problems.push(`${arrival.mark} was never called`)
    const times = calls.map((issued) => Math.floor(issued.wallMs / 1000))
    if (arrival.timestamp !== undefined && !times.includes(arrival.timestamp)) {
      problems.push(`${arrival.mark} arrived with time ${arrival.timestamp} instead of ${times.join(' or ')}`)
    }
  }
  return problems
}

/** `accepted = settled + waiting + lost`, lost is 0, and the numbers are those of what happened. */
const conserved: Checker = ({ oracle, stats, deadLetters, plan }) => {
  const problems: string[] = []
  const { totals } = stats
  const settled = totals.delivered + totals.dead + totals.expired + totals.purged + totals.dropped
  if (stats.lost !== 0) problems.push(`the outbox says that it lost ${stats.lost}`)
  if (totals.accepted !== settled + stats.waiting) {
    problems.push(`accepted ${totals.accepted} is not settled ${settled} + waiting ${stats.waiting}`)
  }
  const stored = oracle.filter((issued) => issued.state === 'stored').length
  const unknown = oracle.filter((issued) => issued.state === 'pending').length
  if (totals.accepted < stored || totals.accepted > stored + unknown) {
    problems.push(`accepted ${totals.accepted}, but callers hold ${stored} receipts and ${unknown} know nothing`)
  }
  if (stats.deadLetters !== deadLetters.length)
    problems.push(`${stats.deadLetters} dead letters are ${deadLetters.length}`)
  if (stats.waiting > plan.operationsMax)
    problems.push(`${stats.waiting} waiting in an outbox of ${plan.operationsMax}`)
  return problems
}

/** A call is refused only with a code that says why it could not be stored, or why it can never be delivered. */
const refusedForReason: Checker = ({ oracle, plan }) =>
  oracle
    .filter(({ state, errorCode, errorReason, call }) => {
      if (state !== 'refused' || errorCode === 'OUTBOX_FULL') return false
      if (errorReason === 'rejected') return !call.poison
      return errorReason !== 'expired' || plan.maxAgeMs === null
    })
    .map(({ call, errorCode, errorReason }) => `call ${call.n} was refused with ${errorCode} ${errorReason ?? ''}`)

export const checkers: Readonly<Record<string, Checker>> = {
  'never lost': neverLost,
  'in order': inOrder,
  'once in effect, nothing stale': onceInEffect,
  conserved,
  'refused for a reason': refusedForReason,
}
