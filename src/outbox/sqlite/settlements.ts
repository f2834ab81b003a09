/** Settlements: decided in memory first, written in a commit, followed in memory when the commit has held. */
import type { Clock } from '../../runtime/clock.ts'
import type { LeaseState, Settlement } from '../outbox.ts'
import { sequenceOf } from '../position.ts'
import type { Departures } from './departures.ts'
import type { State } from './state.ts'
import type { Tail } from './tail.ts'
import type { Out, Turns } from './turns.ts'

type Verdict = Settlement['verdict']

/** The settlements of one commit. */
export interface Group {
  /** In the order of the settlements; `out` is undefined where the lease had lapsed. */
  readonly all: { readonly out: Out | undefined; readonly verdict: Verdict }[]
  readonly delivered: Out[]
  readonly counted: number[]
  readonly dead: { readonly sequence: number; readonly verdict: Extract<Verdict, { readonly to: 'dead' }> }[]
  /** How many of them change the file. */
  changes: number
  /** We were not the owner any more when it was to be committed. */
  lost: boolean
}

export class Settlements {
  readonly #turns: Turns
  readonly #tail: Tail
  readonly #departures: Departures
  readonly #clock: Clock
  readonly #noticeOthers: (state: Readonly<State>) => void

  constructor(
    turns: Turns,
    tail: Tail,
    departures: Departures,
    clock: Clock,
    noticeOthers: (state: Readonly<State>) => void,
  ) {
    this.#turns = turns
    this.#tail = tail
    this.#departures = departures
    this.#clock = clock
    this.#noticeOthers = noticeOthers
  }

  decide(settlements: readonly Settlement[]): Group {
    this.#turns.expire(this.#clock.monotonicMs())
    const group: Group = { all: [], delivered: [], counted: [], dead: [], changes: 0, lost: false }
    const taken = new Set<number>()
    for (const { lease, position, verdict } of settlements) {
      const out = this.#turns.out(sequenceOf(position))
      const isOurs = out?.state === 'in-flight' && out.lease === lease && !taken.has(out.sequence)
      const mine = isOurs ? out : undefined
      group.all.push({ out: mine, verdict })
      if (mine === undefined) continue
      taken.add(mine.sequence)
      if (verdict.to === 'delivered') group.delivered.push(mine)
      else if (verdict.to === 'dead') group.dead.push({ sequence: mine.sequence, verdict })
      else if (verdict.countAttempt) group.counted.push(mine.sequence)
    }
    group.changes = group.delivered.length + group.dead.length + group.counted.length
    return group
  }

  /** In the commit. */
  depart(group: Group, state: State, held: boolean): void {
    group.lost = !held
    if (!held) return
    // What another process purged meanwhile is not out any more.
    this.#noticeOthers(state)
    const delivered = group.delivered.filter((out) => this.#turns.out(out.sequence) === out)
    this.#departures.deliver(delivered, state)
    for (const sequence of group.counted) this.#departures.countAttempt(sequence)
    const wallMs = this.#clock.wallMs()
    for (const { sequence, verdict } of group.dead) this.#departures.die(sequence, verdict, wallMs, state)
  }

  /** After the commit. One answer for each settlement. */
  follow(group: Group): readonly LeaseState[] {
    return group.all.map(({ out, verdict }) => {
      if (out === undefined || group.lost || this.#turns.out(out.sequence) !== out) return 'lapsed'
      if (verdict.to === 'waiting') {
        this.#turns.hold(out, this.#clock.monotonicMs() + Math.max(0, verdict.delayMs))
      } else {
        this.#turns.release(out)
        this.#tail.left(out.sequence, out.lanes)
      }
      return 'held'
    })
  }
}
