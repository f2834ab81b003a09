/**
 * What the application was promised against what arrived. Each call has a number that grows over all lives of the
 * process, and names one person; so the numbers of a person may only grow, and a repeat may only be of the newest.
 */

export interface Arrival {
  readonly number: number
  readonly person: string
  readonly type: 'event' | 'identify'
  /** Of an event: what the provider knows a repeat by. */
  readonly id: string | null
  readonly timestamp: number | null
}

export interface Account {
  readonly acknowledged: number
  readonly arrivals: number
  /** Acknowledged calls that never arrived. */
  readonly lost: number
  /** Arrivals of what had arrived before. */
  readonly duplicates: number
  /** Duplicates that the provider cannot know as such: an event with another id, or anything with another time. */
  readonly strangers: number
  /** Arrivals after a later call of the same person. */
  readonly disordered: number
}

export class Accounts {
  readonly #acknowledged = new Set<number>()
  readonly #first = new Map<number, string>()
  readonly #newest = new Map<string, number>()
  #arrivals = 0
  #duplicates = 0
  #strangers = 0
  #disordered = 0

  acknowledge(number: number): void {
    this.#acknowledged.add(number)
  }

  arrive(arrival: Arrival): void {
    const { number, person } = arrival
    // An identify has no id: its time is what keeps a late one from undoing a newer one.
    const identity = `${arrival.type} ${arrival.type === 'event' ? arrival.id : ''} ${arrival.timestamp}`
    const first = this.#first.get(number)
    this.#arrivals++
    if (first === undefined) this.#first.set(number, identity)
    else {
      this.#duplicates++
      if (first !== identity) this.#strangers++
    }
    if (number < (this.#newest.get(person) ?? -1)) this.#disordered++
    else this.#newest.set(person, number)
  }

  account(): Account {
    return {
      acknowledged: this.#acknowledged.size,
      arrivals: this.#arrivals,
      lost: [...this.#acknowledged].filter((number) => !this.#first.has(number)).length,
      duplicates: this.#duplicates,
      strangers: this.#strangers,
      disordered: this.#disordered,
    }
  }
}

/** Accounts of separate worlds as one. */
export function sumOf(accounts: readonly Account[]): Account {
  const sum = (field: keyof Account): number => accounts.reduce((total, account) => total + account[field], 0)
  return {
    acknowledged: sum('acknowledged'),
    arrivals: sum('arrivals'),
    lost: sum('lost'),
    duplicates: sum('duplicates'),
    strangers: sum('strangers'),
    disordered: sum('disordered'),
  }
}
