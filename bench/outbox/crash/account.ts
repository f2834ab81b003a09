/** What was stored against what arrived, operation by operation. */
import { isRefused, type Size, personOf } from './plan.ts'

/** Customer.io looked at an operation: it took it in, now or before, or refused it for good. */
export interface Arrival {
  readonly number: number
  /** What Customer.io knows a repeat by, and what it orders by: id, time. */
  readonly identity: string
}

export interface Account {
  readonly operations: number
  /** Neither arrived nor a dead letter; a dead letter that Customer.io would have taken is lost too. */
  readonly lost: number
  /** First arrivals before one of an earlier operation of the same person. */
  readonly overtakes: number
  /** People whose attribute is neither what their newest identify says, nor what a late one says. */
  readonly wrongFinals: number
  /** Arrivals of what had arrived before. */
  readonly duplicates: number
  /** Duplicates with another id or time. */
  readonly strangers: number
  /** Duplicates that came after a later operation of the same person: a process that was frozen while it sent. */
  readonly late: number
  /**
   * People whose attribute is that of such a late one: of the same second as their newest identify, so that Customer.io cannot
   * tell which is newer. A process that stands still while it writes to its connection cannot be held back by anyone.
   */
  readonly lateFinals: number
  readonly dead: number
  /** Operations that the outbox counts as accepted beyond those that were stored: what a repeated append has stored again. */
  readonly storedTwice: number
}

export interface Findings {
  readonly size: Size
  readonly arrivals: readonly Arrival[]
  /** Numbers of dead letters. */
  readonly dead: readonly number[]
  /** Of each person the number that their newest identify should have left, and the one that is there. */
  readonly finals: readonly { readonly wanted: number | undefined; readonly found: unknown }[]
  /** The outbox's own count. */
  readonly accepted: number
}

export function accountOf({ size, arrivals, dead, finals, accepted }: Findings): Account {
  const first = new Map<number, string>()
  /** Of each person the operations that have not arrived yet, the oldest first. */
  const missing = new Map<number, number[]>()
  const newest = new Map<number, number>()
  for (let number = size.operations - 1; number >= 0; number--) {
    const person = personOf(number, size)
    missing.set(person, [...(missing.get(person) ?? []), number])
  }
  let [overtakes, duplicates, strangers] = [0, 0, 0]
  const late: number[] = []
  for (const { number, identity } of arrivals) {
    const person = personOf(number, size)
    const known = first.get(number)
    if (known === undefined) {
      first.set(number, identity)
      // Kept from the newest to the oldest: the next one is at the end.
      const left = missing.get(person)!
      if (left.at(-1) === number) left.pop()
      else {
        overtakes++
        left.splice(left.indexOf(number), 1)
      }
    } else {
      duplicates++
      if (known !== identity) strangers++
      if (number < (newest.get(person) ?? -1)) late.push(number)
    }
    newest.set(person, Math.max(number, newest.get(person) ?? -1))
  }
  const isDead = new Set(dead)
  const wrong = finals.filter(({ wanted, found }) => wanted !== undefined && wanted !== found)
  const byLate = wrong.filter(({ found }) => late.some((number) => number === found))
  const numbers = Array.from({ length: size.operations }, (_, number) => number)
  return {
    operations: size.operations,
    lost: numbers.filter((number) => (isRefused(number) ? !isDead.has(number) : !first.has(number))).length,
    overtakes,
    wrongFinals: wrong.length - byLate.length,
    duplicates,
    strangers,
    late: late.length,
    lateFinals: byLate.length,
    dead: isDead.size,
    storedTwice: Math.max(0, accepted - size.operations),
  }
}

/** Accounts of separate worlds as one. */
export function sumOf(accounts: readonly Account[]): Account {
  const sum = (field: keyof Account): number => accounts.reduce((total, account) => total + account[field], 0)
  return {
    operations: sum('operations'),
    lost: sum('lost'),
    overtakes: sum('overtakes'),
    wrongFinals: sum('wrongFinals'),
    duplicates: sum('duplicates'),
    strangers: sum('strangers'),
    late: sum('late'),
    lateFinals: sum('lateFinals'),
    dead: sum('dead'),
    storedTwice: sum('storedTwice'),
  }
}

/** Nothing of what must not be. */
export function isClean({ lost, overtakes, wrongFinals, strangers, storedTwice }: Account): boolean {
  return lost + overtakes + wrongFinals + strangers + storedTwice === 0
}
