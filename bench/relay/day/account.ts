/**
 * What callers were promised against what arrived, in memory that does not grow with time. A person's calls are numbered
 * one after the other; a number that is neither acknowledged nor given up cannot arrive.
 */
export interface Account {
  readonly acknowledged: number
  /** Calls whose caller was never answered; they may have been stored or not. */
  readonly unanswered: number
  readonly arrived: number
  /** Acknowledged and never arrived. */
  readonly lost: number
  /** Arrived after a later call of the same person. */
  readonly disordered: number
  /** Arrived again under the same id: Customer.io ignores it. */
  readonly repeats: number
  /** Arrived again under another id: a second event. */
  readonly doubled: number
}

interface Person {
  newest: number
  newestId: string | null
}

export class Accounts {
  readonly #people = new Map<string, Person>()
  /** `person number` of what has not arrived. */
  readonly #outstanding = new Map<string, 'issued' | 'acknowledged'>()
  #acknowledged = 0
  #unanswered = 0
  #arrived = 0
  #disordered = 0
  #repeats = 0
  #doubled = 0

  issue(person: string, number: number): void {
    this.#outstanding.set(`${person} ${number}`, 'issued')
  }

  acknowledge(person: string, number: number): void {
    this.#acknowledged++
    const key = `${person} ${number}`
    // It may have been delivered before its caller was answered.
    if (this.#outstanding.has(key)) this.#outstanding.set(key, 'acknowledged')
  }

  giveUp(): void {
    this.#unanswered++
  }

  arrive(person: string, number: number, id: string | null): void {
    const known = this.#people.get(person) ?? { newest: -1, newestId: null }
    this.#people.set(person, known)
    if (this.#outstanding.delete(`${person} ${number}`)) {
      this.#arrived++
      if (number < known.newest) this.#disordered++
      else Object.assign(known, { newest: number, newestId: id })
    } else if (number === known.newest && id !== null && id === known.newestId) this.#repeats++
    else this.#doubled++
  }

  account(): Account {
    const lost = [...this.#outstanding.values()].filter((state) => state === 'acknowledged').length
    return {
      acknowledged: this.#acknowledged,
      unanswered: this.#unanswered,
      arrived: this.#arrived,
      lost,
      disordered: this.#disordered,
      repeats: this.#repeats,
      doubled: this.#doubled,
    }
  }
}
