/** Claims, leases and settlements of one handle. What it must know of an entry to settle it, it remembers from the claim. */
import type { Random } from '../../runtime/runtime.ts'
import { BacklogShare } from '../claim-room.ts'
import type { Claim, ClaimedEntry, ClaimWant, DeadDetail, Lease, LeaseState, Position, Settlement } from '../outbox.ts'
import { positionOf, sequenceOf } from '../position.ts'
import { entryOf, footprintOf, minuteOf, type Footprint } from './entry-code.ts'
import type { RedisLink, RedisScript } from './link.ts'
import { claimScript } from './scripts/claim.ts'
import { releaseScript, renewScript, settleScript } from './scripts/settle.ts'

/** What another handle appends is told, but what is told can be lost. */
const LOOK_AGAIN_MS = 2_000
const PER_SCRIPT_MAX = 500

export interface Died {
  readonly id: string
  readonly type: string
  readonly detail: DeadDetail
}

/** A settlement of an entry that this handle has claimed. */
interface Known {
  readonly index: number
  readonly settlement: Settlement
  readonly footprint: Footprint
}

export class Deliveries {
  readonly #link: RedisLink
  readonly #base: string
  readonly #name: string
  readonly #share = new BacklogShare()
  /** Of leases that have something left: what that is, by sequence. */
  readonly #leases = new Map<Lease, Map<number, Footprint>>()
  readonly #died: (dead: readonly Died[]) => void
  #claims = 0

  /** @param died told of entries that became dead letters, once they are */
  constructor(link: RedisLink, base: string, handle: string, died: (dead: readonly Died[]) => void) {
    this.#link = link
    this.#base = base
    this.#name = handle
    this.#died = died
  }

  async claim(want: ClaimWant): Promise<Claim> {
    const lease = `${this.#name}.${(++this.#claims).toString(36)}`
    const share = this.#share.next(want.entriesMax)
    const args = [want.entriesMax, want.bytesMax, Math.ceil(want.leaseMs), lease, share]
    const [nextMs, ...flat] = (await this.#run(claimScript, args)) as (string | number)[]
    const entries: ClaimedEntry[] = []
    const footprints = new Map<number, Footprint>()
    for (let at = 0; at < flat.length; at += 3) {
      const sequence = Number(flat[at])
      const entry = entryOf(String(flat[at + 1]))
      footprints.set(sequence, footprintOf(entry))
      entries.push({ ...entry, position: positionOf(sequence), attempts: Number(flat[at + 2]) })
    }
    if (entries.length > 0) this.#leases.set(lease, footprints)
    const nextInMs = nextMs === -1 ? LOOK_AGAIN_MS : Math.min(Number(nextMs), LOOK_AGAIN_MS)
    return { lease, entries, nextInMs, role: 'active' }
  }

  async renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]> {
    const own = leases.filter((lease) => this.#leases.has(lease))
    if (own.length === 0) return leases.map(() => 'lapsed')
    const states = (await this.#run(renewScript, [Math.ceil(leaseMs), ...own])) as number[]
    const held = new Set(own.filter((_, index) => states[index] === 1))
    for (const lease of own) if (!held.has(lease)) this.#leases.delete(lease)
    return leases.map((lease) => (held.has(lease) ? 'held' : 'lapsed'))
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    const states: LeaseState[] = settlements.map(() => 'lapsed')
    const known: Known[] = []
    for (const [index, settlement] of settlements.entries()) {
      const footprint = this.#leases.get(settlement.lease)?.get(sequenceOf(settlement.position))
      if (footprint !== undefined) known.push({ index, settlement, footprint })
    }
    for (const part of parts(known)) {
      const over = this.#over(part.map(({ settlement }) => settlement))
      const { args, inOrder } = argumentsOf(part)
      const answers = (await this.#run(settleScript, [over.length, ...over, ...args])) as number[]
      const dead: Died[] = []
      for (const [at, { index, settlement, footprint }] of inOrder.entries()) {
        this.#forget(settlement.lease, sequenceOf(settlement.position))
        if (answers[at] !== 1) continue
        states[index] = 'held'
        if (settlement.verdict.to === 'dead') dead.push({ ...footprint, detail: settlement.verdict })
      }
      if (dead.length > 0) this.#died(dead)
    }
    return states
  }

  /** Ends all leases of this handle. Resolves to whether somebody should be woken for what is free now. */
  async release(): Promise<boolean> {
    const leases = [...this.#leases.keys()]
    this.#leases.clear()
    return leases.length > 0 && (await this.#run(releaseScript, leases)) === 1
  }

  /** Leases that have nothing left after these settlements. */
  #over(settlements: readonly Settlement[]): readonly Lease[] {
    const settled = new Map<Lease, Set<Position>>()
    for (const { lease, position } of settlements) {
      const positions = settled.get(lease)
      if (positions === undefined) settled.set(lease, new Set([position]))
      else positions.add(position)
    }
    return [...settled].filter(([lease, { size }]) => this.#leases.get(lease)?.size === size).map(([lease]) => lease)
  }

  #forget(lease: Lease, sequence: number): void {
    const entries = this.#leases.get(lease)
    entries?.delete(sequence)
    if (entries?.size === 0) this.#leases.delete(lease)
  }

  #run(script: RedisScript, args: readonly (string | number)[]): Promise<unknown> {
    return this.#link.run(script, [this.#base], args)
  }
}

/** Different for each handle of all processes. */
export function handleName(random: Random): string {
  const part = (): string =>
    Math.floor(random() * 36 ** 6)
      .toString(36)
      .padStart(6, '0')
  return `${part()}${part()}`
}

function* parts<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += PER_SCRIPT_MAX) yield items.slice(from, from + PER_SCRIPT_MAX)
}

/** As the script reads them: what is delivered and has one lane, which is most, by its lease; then the others. */
function argumentsOf(part: readonly Known[]): {
  readonly args: (string | number)[]
  readonly inOrder: readonly Known[]
} {
  const plain = new Map<Lease, Known[]>()
  const others: Known[] = []
  for (const each of part) {
    const { settlement, footprint } = each
    if (settlement.verdict.to !== 'delivered' || footprint.lanes.length > 1) {
      others.push(each)
      continue
    }
    const group = plain.get(settlement.lease)
    if (group === undefined) plain.set(settlement.lease, [each])
    else group.push(each)
  }
  const args: (string | number)[] = [plain.size]
  for (const [lease, group] of plain) {
    args.push(lease, group.length)
    for (const { settlement, footprint } of group) {
      args.push(sequenceOf(settlement.position), minuteOf(footprint.campaignAtMs), footprint.bytes, footprint.lanes[0]!)
    }
  }
  for (const { settlement, footprint } of others) args.push(...wordy(settlement, footprint))
  return { args, inOrder: [...[...plain.values()].flat(), ...others] }
}

function wordy({ lease, position, verdict }: Settlement, footprint: Footprint): (string | number)[] {
  const { lanes, bytes, campaignAtMs } = footprint
  const end = [minuteOf(campaignAtMs), bytes, lanes.length, ...lanes]
  const begin = [sequenceOf(position), lease]
  if (verdict.to === 'delivered') return [...begin, 'd', '', 0, ...end]
  if (verdict.to === 'waiting') {
    return [...begin, 'w', Math.ceil(verdict.delayMs), verdict.countAttempt ? 1 : 0, ...end]
  }
  const { to: _, ...detail } = verdict
  return [...begin, 'x', JSON.stringify(detail), 0, ...end]
}
