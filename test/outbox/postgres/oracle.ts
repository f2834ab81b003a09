/** What the Postgres outbox must hold and give, in the simplest words: a list in the order of commits. */
import type { NewEntry, Verdict } from '../../../src/outbox/outbox.ts'

export interface Known {
  readonly id: string
  readonly lanes: readonly string[]
  state: 'waiting' | 'in flight' | 'held' | 'dead'
  /** For `in flight`. */
  lease?: string
}

export class Oracle {
  /** In the order of their turns, dead letters too. */
  entries: Known[] = []
  delivered = 0
  purged = 0
  dropped = 0

  append(entries: readonly NewEntry[]): void {
    for (const { id, lanes } of entries) this.entries.push({ id, lanes, state: 'waiting' })
  }

  /** What may go now: the first of each of its lanes, not in flight, not held back. */
  ready(): readonly string[] {
    const barred = new Set<string>()
    const ready: string[] = []
    for (const { id, lanes, state } of this.#unsettled()) {
      if (state === 'waiting' && lanes.every((lane) => !barred.has(lane))) ready.push(id)
      for (const lane of lanes) barred.add(lane)
    }
    return ready
  }

  holds(lane: string): boolean {
    return this.#unsettled().some(({ lanes }) => lanes.includes(lane))
  }

  claimed(id: string, lease: string): void {
    Object.assign(this.#get(id), { state: 'in flight', lease })
  }

  isInFlight(id: string, lease: string): boolean {
    return this.entries.some((each) => each.id === id && each.state === 'in flight' && each.lease === lease)
  }

  settle(id: string, verdict: Verdict): void {
    const known = this.#get(id)
    if (verdict.to === 'waiting') known.state = verdict.delayMs > 0 ? 'held' : 'waiting'
    if (verdict.to === 'dead') known.state = 'dead'
    if (verdict.to !== 'delivered') return
    this.delivered++
    this.entries = this.entries.filter((each) => each !== known)
  }

  /** All leases end, or all waits. */
  end(state: 'in flight' | 'held'): void {
    for (const known of this.entries) if (known.state === state) known.state = 'waiting'
  }

  purge(lane: string): number {
    const gone = this.entries.filter(({ lanes }) => lanes.includes(lane))
    this.entries = this.entries.filter((each) => !gone.includes(each))
    this.purged += gone.length
    return gone.length
  }

  resolveDead(how: 'replay' | 'drop'): number {
    const dead = this.entries.filter(({ state }) => state === 'dead')
    this.entries = this.entries.filter(({ state }) => state !== 'dead')
    if (how === 'drop') this.dropped += dead.length
    else this.entries.push(...dead.map((each): Known => ({ ...each, state: 'waiting' })))
    return dead.length
  }

  #unsettled(): readonly Known[] {
    return this.entries.filter(({ state }) => state !== 'dead')
  }

  #get(id: string): Known {
    return this.entries.find((each) => each.id === id)!
  }
}
