/** Counts what the events of one workspace's client tell. */
import type { HoldfastEvent } from '../observe/events.ts'
import type { Clock } from '../runtime/clock.ts'
import { errorReasonOf } from './labels.ts'
import type { Cell, Histogram, Registry } from './registry.ts'

type EventOf<Type extends HoldfastEvent['type']> = HoldfastEvent & { readonly type: Type }

export class ClientRecorder {
  readonly #registry: Registry
  readonly #workspace: string
  readonly #clock: Clock
  readonly #accept: Histogram
  readonly #sendDuration: Histogram
  readonly #batchOps: Histogram
  readonly #batchBytes: Histogram
  readonly #throttledSeconds: Cell
  readonly #delays = new Map<string, Histogram>()
  /** Monotonic time up to which the time of not sending is counted. */
  #throttledUntilMs = 0

  constructor(registry: Registry, workspace: string, clock: Clock) {
    this.#registry = registry
    this.#workspace = workspace
    this.#clock = clock
    registry.openWorkspace(workspace)
    this.#accept = registry.histogram('accept.duration', workspace)
    this.#sendDuration = registry.histogram('send.duration', workspace)
    this.#batchOps = registry.histogram('batch.ops', workspace)
    this.#batchBytes = registry.histogram('batch.bytes', workspace)
    this.#throttledSeconds = registry.cell('limiter.throttled', workspace)
  }

  record(event: HoldfastEvent): void {
    switch (event.type) {
      case 'accepted':
        this.#accept.record(event.durationMs / 1_000)
        return
      case 'request':
        this.#requested(event)
        return
      case 'delivered':
        this.#delivered(event)
        return
      case 'dead-letter':
        this.#buried(event)
        return
      case 'refused':
        this.#add('ops.refused', event.operations, errorReasonOf(event.code))
        return
      case 'retrying':
        this.#add('retries', event.entries, event.reason)
        return
      case 'bisected':
        this.#add('bisects', 1)
        return
      case 'lapsed':
        this.#add('leases.lapsed', event.entries)
        return
      case 'throttled':
        this.#throttled(event)
        return
      default:
        this.#seldom(event)
    }
  }

  #seldom(event: HoldfastEvent): void {
    switch (event.type) {
      case 'circuit':
        this.#add('circuit.transitions', 1, event.from, event.to, event.cause)
        return
      case 'parked':
        this.#add('parks', 1, event.reason)
        return
      case 'probed':
        this.#add('probes', 1, event.outcome)
        return
      case 'lint':
        this.#add('lint.warnings', 1, event.call)
        return
      case 'outbox-error':
        this.#add('store.errors', 1, event.during, errorReasonOf(event.code))
        return
      case 'heard':
        this.#add('hints', 1, event.said)
        return
      case 'spill':
        if (event.state === 'begun') this.#add('store.spills', 1)
        return
      case 'quarantined':
        this.#add('store.quarantines', 1)
        return
      case 'damaged-entry':
        this.#add('store.corrupt_records', 1)
        return
      default:
      // The others are states, which are asked for.
    }
  }

  #requested(event: EventOf<'request'>): void {
    const statusClass = event.status === null ? 'none' : `${Math.floor(event.status / 100)}xx`
    this.#add('send.requests', 1, statusClass, event.outcome, event.reason ?? 'none')
    this.#sendDuration.record(event.durationMs / 1_000)
    this.#batchOps.record(event.entries)
    this.#batchBytes.record(event.bytes)
  }

  #delivered({ entries }: EventOf<'delivered'>): void {
    for (const { type, delayMs, isPastCampaignWindow } of entries) {
      this.#delayOf(type).record(Math.max(0, delayMs) / 1_000)
      if (isPastCampaignWindow === true) this.#add('events.past_campaign_window', 1, 'delivered')
    }
  }

  #buried({ entries }: EventOf<'dead-letter'>): void {
    for (const { type, delayMs, reason, isPastCampaignWindow } of entries) {
      this.#delayOf(type).record(Math.max(0, delayMs) / 1_000)
      this.#add('ops.dead_lettered', 1, reason)
      if (isPastCampaignWindow === true) this.#add('events.past_campaign_window', 1, 'dead_lettered')
    }
  }

  /** A cooldown that begins in another one counts only where it goes beyond it. */
  #throttled({ cooldownMs }: EventOf<'throttled'>): void {
    const nowMs = this.#clock.monotonicMs()
    const untilMs = nowMs + cooldownMs
    if (untilMs <= this.#throttledUntilMs) return
    this.#throttledSeconds.value += (untilMs - Math.max(nowMs, this.#throttledUntilMs)) / 1_000
    this.#throttledUntilMs = untilMs
  }

  #delayOf(type: string): Histogram {
    let delay = this.#delays.get(type)
    if (delay === undefined) {
      delay = this.#registry.histogram('delivery.delay', this.#workspace, type)
      // Types are the protocol's own; a bound all the same, for an outbox may hold what a later version stored.
      if (this.#delays.size < DELAYS_MAX) this.#delays.set(type, delay)
    }
    return delay
  }

  #add(name: string, amount: number, ...labels: readonly string[]): void {
    this.#registry.cell(name, this.#workspace, ...labels).value += amount
  }
}

const DELAYS_MAX = 100
