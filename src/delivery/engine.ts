/**
 * The delivery engine: the one place where the parts meet.
 *
 *     outbox.claim -> parcels -> shipments -> gate -> sender -> verdict -> outbox.settle
 *
 * - Claim before the gate would hold lanes for nothing, so the gate is asked first; a gate that closes for longer than
 *   a moment gives back what is in hand, without an attempt.
 * - The gate stands before the sender and takes its token and its permit together, so nothing waits while it holds one.
 * - Every verdict is written under the lease of its claim; a lease that has ended makes the verdict moot, not wrong.
 *
 * Events (an append, an answer, a written verdict, time) only open the latch; the loop decides, one turn at a time.
 * Modes: `running` claims and sends; `stopping` sends nothing new, gives back what it holds and waits for what is on
 * its way; `stopped` holds nothing. Each only follows the one before.
 */
import type { Events } from '../observe/events.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { assert } from '../runtime/assert.ts'
import { createLatch } from '../runtime/latch.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { parcelOf, type Shipment, ship } from './batcher.ts'
import { createFlights, type Flights } from './flights.ts'
import type { SendingGate } from './gate.ts'
import { createInHand, type InHand } from './in-hand.ts'
import { createLeases, type Leases } from './leases.ts'
import type { EngineOptions } from './options.ts'
import type { Sender } from './sender.ts'
import { createSettler, type Settler } from './settler.ts'
import { lateVerdict, unsent } from './verdict.ts'

/** Longer than this and what is in hand goes back to the outbox while the gate is closed, but for a turn by the rate. */
const HOLD_MS_MAX = 1_000
/** Waits after a claim that failed. */
const CLAIM_RETRY_MS = 1_000
/** How long a stopping engine waits for its last verdicts to be written, after everything has landed. */
const SETTLE_MS_MAX = 2_000
/** Batches that one claim may fill. */
const BATCHES_PER_CLAIM_MAX = 4

export interface EngineParts {
  readonly outbox: Outbox
  readonly sender: Sender
  readonly gate: SendingGate
  readonly runtime: Runtime
  readonly events: Events
  readonly options: EngineOptions
}

export interface Engine {
  start(): void
  /** Something was appended, or the gate was opened from outside. Cheap; may be called for each append. */
  wake(): void
  /** Entries that are claimed here and not settled yet. */
  readonly inHand: number
  /** Something is in hand that may go as soon as the gate opens. */
  readonly ready: boolean
  /**
   * Resolves when nothing is in hand any more; what is on its way after `timeoutMs` is aborted and goes back. May be
   * called again to bring that time nearer; a later one changes nothing.
   */
  stop(timeoutMs: number): Promise<void>
}

export function createEngine(parts: EngineParts): Engine {
  return new DeliveryEngine(parts)
}

class DeliveryEngine implements Engine {
  readonly #parts: EngineParts
  readonly #latch: ReturnType<typeof createLatch>
  readonly #leases: Leases
  readonly #settler: Settler
  readonly #flights: Flights
  #mode: 'new' | 'running' | 'stopping' | 'stopped' = 'new'
  #loop: Promise<void> = Promise.resolve()
  /** What is claimed and not on its way yet. */
  readonly #hand: InHand
  #claiming = false
  /** False once a stopping engine no longer waits for an outbox that does not answer; its leases end by themselves. */
  #patience = true
  /** Monotonic time from which a claim may find something. */
  #claimAtMs = 0
  /** Monotonic time at which a stopping engine aborts what is on its way. */
  #abortAtMs = Infinity
  #cancelEnd: (() => void) | undefined

  constructor(parts: EngineParts) {
    this.#parts = parts
    const { clock } = parts.runtime
    this.#latch = createLatch(clock)
    this.#hand = createInHand(BATCHES_PER_CLAIM_MAX * parts.options.batch.operationsMax)
    const wake = (): void => this.#latch.open()
    this.#leases = createLeases(
      parts.outbox,
      parts.options.leaseMs,
      () => clock.monotonicMs(),
      this.#outboxFailed('renew'),
    )
    this.#settler = createSettler({
      outbox: parts.outbox,
      clock,
      events: parts.events,
      // A settled entry may have freed its lane.
      written: () => this.wake(),
      done: (lease) => this.#leases.done(lease, 1),
      leftMs: (lease) => this.#leases.leftMs(lease, clock.monotonicMs()),
      failed: this.#outboxFailed('settle'),
    })
    this.#flights = createFlights({
      ...parts,
      settle: (parcel, verdict) => this.#settler.add(parcel.entry, parcel.lease, verdict),
      again: (shipments) => this.#hand.putFirst(shipments),
      landed: wake,
    })
    // Others may share the gate: a place that they leave is worth a turn.
    parts.gate.watch(wake)
  }

  get inHand(): number {
    return this.#leases.entries
  }

  get ready(): boolean {
    return this.#mode === 'running' && !this.#hand.isEmpty
  }

  start(): void {
    assert(this.#mode === 'new', 'an engine starts once')
    this.#mode = 'running'
    this.#loop = this.#run()
  }

  wake(): void {
    this.#claimAtMs = 0
    this.#latch.open()
  }

  async stop(timeoutMs: number): Promise<void> {
    if (this.#mode === 'new') this.#mode = 'stopped'
    if (this.#mode === 'running') this.#mode = 'stopping'
    if (this.#mode === 'stopping') this.#endWithin(timeoutMs)
    this.#latch.open()
    await this.#loop
    this.#cancelEnd?.()
  }

  #endWithin(timeoutMs: number): void {
    const { clock } = this.#parts.runtime
    const abortAtMs = clock.monotonicMs() + timeoutMs
    if (abortAtMs >= this.#abortAtMs) return
    this.#abortAtMs = abortAtMs
    this.#cancelEnd?.()
    const cancelAbort = clock.timer(timeoutMs, () => this.#flights.abort())
    const cancelWait = clock.timer(timeoutMs + SETTLE_MS_MAX, () => {
      this.#patience = false
      this.#latch.open()
    })
    this.#cancelEnd = () => {
      cancelAbort()
      cancelWait()
    }
  }

  async #run(): Promise<void> {
    for (;;) {
      const nowMs = this.#parts.runtime.clock.monotonicMs()
      const untilMs = this.#turn(nowMs)
      // Nobody opens the latch of a stopped engine.
      if (this.#mode === 'stopped') break
      await this.#latch.wait(untilMs === null ? Infinity : untilMs - nowMs)
    }
    assert(this.#flights.count === 0 && this.#hand.isEmpty, 'a stopped engine holds nothing')
  }

  /** Does what can be done now; returns when there may be more to do without anyone opening the latch. */
  #turn(nowMs: number): number | null {
    const gateAtMs = this.#mode === 'running' ? this.#send(nowMs) : this.#giveBack()
    if (this.#mode === 'running') this.#claimIfWanted(nowMs)
    this.#settler.flush()
    this.#leases.renewDue(nowMs, () => this.#latch.open())
    const isQuiet = !this.#claiming && this.#settler.pending === 0
    if (this.#mode === 'stopping' && this.#flights.count === 0 && (isQuiet || !this.#patience)) this.#mode = 'stopped'
    return earliest(gateAtMs, this.#leases.nextRenewMs(), this.#mode === 'running' ? this.#claimAtMs : null, nowMs)
  }

  /** Sends what is in hand as far as gate, slots and leases allow. Returns when the gate may open. */
  #send(nowMs: number): number | null {
    const { gate } = this.#parts
    for (;;) {
      const state = gate.check(nowMs)
      if (!state.open) {
        // By the rate a turn comes for sure; and the halves of a refused batch, given back, would be one batch again.
        const isLong = state.untilMs === null || state.untilMs - nowMs > HOLD_MS_MAX
        if (isLong && state.reason !== 'rate') this.#giveBack()
        return state.untilMs
      }
      // A probe goes beside whatever still hangs from the time before.
      if (!state.probe && gate.inFlight >= gate.concurrencyMax(nowMs)) return null
      const shipment = this.#nextShipment(nowMs)
      if (shipment === undefined) return null
      const pass = gate.enter(nowMs)
      assert(pass !== undefined, 'an open gate lets one pass')
      this.#flights.launch(shipment, pass, nowMs)
    }
  }

  /** The next shipment whose parcels may all still go: what is too late is settled, what has lost its lease is dropped. */
  #nextShipment(nowMs: number): Shipment | undefined {
    const wallMs = this.#parts.runtime.clock.wallMs()
    for (;;) {
      const shipment = this.#hand.peek()
      if (shipment === undefined) return undefined
      const timeoutMs = this.#flights.timeoutMs(shipment)
      const leftMs = Math.min(...shipment.parcels.map((parcel) => this.#leases.leftMs(parcel.lease, nowMs)))
      // A renewal is under way: wait for its answer.
      if (leftMs > 0 && leftMs <= timeoutMs) return undefined
      this.#hand.take()
      const fit = shipment.parcels.filter((parcel) => {
        if (this.#leases.leftMs(parcel.lease, nowMs) <= 0) {
          this.#leases.done(parcel.lease, 1)
          this.#parts.events.emit({ type: 'lapsed', entries: 1 })
          return false
        }
        const late = lateVerdict(parcel.entry, wallMs, this.#parts.options.verdict)
        if (late !== undefined) this.#settler.add(parcel.entry, parcel.lease, late)
        return late === undefined
      })
      if (fit.length > 0) return fit.length === shipment.parcels.length ? shipment : { parcels: fit }
    }
  }

  /** What is in hand and not on its way goes back to the outbox, as if it had not been claimed. */
  #giveBack(): null {
    for (const shipment of this.#hand.takeAll()) {
      for (const parcel of shipment.parcels) this.#settler.add(parcel.entry, parcel.lease, unsent)
    }
    return null
  }

  #claimIfWanted(nowMs: number): void {
    const { gate, options } = this.#parts
    const state = gate.check(nowMs)
    const free = gate.concurrencyMax(nowMs) - gate.inFlight
    if (this.#claiming || nowMs < this.#claimAtMs || !this.#hand.wantsMore) return
    // With nothing in hand a claim waits for the gate, so that what comes meanwhile shares the batch.
    const opensSoon = state.open || (state.untilMs !== null && state.untilMs - nowMs <= HOLD_MS_MAX)
    if (this.#hand.isEmpty ? !state.open : !opensSoon) return
    // An outbox that does not take verdicts must not be asked for more.
    const batches = Math.min(BATCHES_PER_CLAIM_MAX, Math.max(1, free))
    if (this.#settler.pending > 4 * BATCHES_PER_CLAIM_MAX * options.batch.operationsMax) return
    this.#claiming = true
    void this.#claim(
      state.open && state.probe ? 1 : batches * options.batch.operationsMax,
      batches * options.batch.bytesMax,
    )
  }

  async #claim(entriesMax: number, bytesMax: number): Promise<void> {
    const { outbox, runtime, options } = this.#parts
    const askedMs = runtime.clock.monotonicMs()
    this.#claimAtMs = Infinity
    try {
      const claim = await outbox.claim({ entriesMax, bytesMax, leaseMs: options.leaseMs })
      this.#leases.take(claim.lease, claim.entries.length, askedMs)
      const parcels = []
      for (const entry of claim.entries) {
        const parcel = parcelOf(entry, claim.lease, options.mapping)
        if (parcel === undefined) this.#settler.add(entry, claim.lease, { to: 'dead', reason: 'unreadable' })
        else parcels.push(parcel)
      }
      this.#hand.put(ship(parcels, options.batch))
      const nextMs = claim.entries.length > 0 ? 0 : claim.nextInMs
      if (nextMs !== null) this.#claimAtMs = Math.min(this.#claimAtMs, runtime.clock.monotonicMs() + nextMs)
    } catch (error) {
      this.#claimAtMs = runtime.clock.monotonicMs() + CLAIM_RETRY_MS
      this.#outboxFailed('claim')(error)
    }
    this.#claiming = false
    this.#latch.open()
  }

  #outboxFailed(during: 'claim' | 'renew' | 'settle'): (error: unknown) => void {
    return (error) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
      this.#parts.events.emit({ type: 'outbox-error', code, during })
    }
  }
}

function earliest(...times: readonly [number | null, number | null, number | null, number]): number | null {
  const nowMs = times[3]
  let first: number | null = null
  for (const time of times.slice(0, 3) as readonly (number | null)[]) {
    // What is due already could not be done in this turn; somebody will open the latch for it.
    if (time !== null && time > nowMs && time !== Infinity && (first === null || time < first)) first = time
  }
  return first
}
