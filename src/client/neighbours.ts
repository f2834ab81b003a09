/**
 * What the outbox says without having been asked: of the others that share it, and of itself. Each notice has its effect
 * here, is told as an event, and what lasts is kept for health and statistics.
 */
import type { Gate } from '../delivery/gate.ts'
import type { Events } from '../observe/events.ts'
import type { OutboxNotice, ProviderHint, SharedPause, StoreReport } from '../outbox/outbox.ts'
import { unreachable } from '../runtime/assert.ts'
import type { Clock } from '../runtime/clock.ts'

/** Calls are stored beside the outbox, which is away. */
export interface Spilling {
  /** Of the error that began it. */
  readonly code: string | null
}

export interface Neighbours {
  noticed(notice: OutboxNotice): void
  /** How many processes deliver from the outbox, this one included; null where one at a time does, or it is not known yet. */
  readonly handles: number | null
  /** Of a server that keeps the outbox. */
  readonly store: StoreReport | null
  readonly spilling: Spilling | null
}

export interface NeighboursParts {
  readonly gate: Pick<Gate, 'heard' | 'shareAmong' | 'pauseForAll'>
  readonly events: Events
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** There may be something to claim. */
  readonly wake: () => void
}

export function createNeighbours(parts: NeighboursParts): Neighbours {
  return new NoticedNeighbours(parts)
}

class NoticedNeighbours implements Neighbours {
  readonly #parts: NeighboursParts
  handles: number | null = null
  store: StoreReport | null = null
  spilling: Spilling | null = null
  #pause: SharedPause | null = null

  constructor(parts: NeighboursParts) {
    this.#parts = parts
  }

  noticed(notice: OutboxNotice): void {
    const { events, wake } = this.#parts
    switch (notice.type) {
      case 'appended':
        wake()
        return
      case 'role':
      case 'damaged-entry':
      case 'quarantined':
        events.emit(notice)
        wake()
        return
      case 'hint':
        this.#heard(notice.hint)
        return
      case 'handles':
        this.#counted(notice.count)
        return
      case 'paused':
        this.#paused(notice.pause)
        return
      case 'store-report':
        this.store = notice.report
        events.emit({ type: 'store', server: notice.report.server, risks: notice.report.risks })
        return
      case 'spill':
        this.spilling = notice.state === 'begun' ? { code: notice.code } : null
        events.emit(notice)
        return
      default:
        unreachable(notice)
    }
  }

  /** It came over a network: what cannot be a time is no hint. */
  #heard(hint: ProviderHint): void {
    if (hint.kind !== 'well' && !(hint.forMs >= 0)) return
    this.#parts.gate.heard(hint, this.#parts.clock.monotonicMs())
  }

  #counted(count: number): void {
    if (!Number.isInteger(count) || count < 1 || count === this.handles) return
    this.handles = count
    this.#parts.gate.shareAmong(count)
    this.#parts.events.emit({ type: 'handles', count })
    // One that left has given back what it had in flight.
    this.#parts.wake()
  }

  #paused(pause: SharedPause | null): void {
    if (isSame(pause, this.#pause)) return
    this.#pause = pause
    this.#parts.gate.pauseForAll(pause)
    if (pause === null) this.#parts.wake()
  }
}

function isSame(one: SharedPause | null, other: SharedPause | null): boolean {
  if (one === null || other === null) return one === other
  return one.who === other.who && one.why === other.why && one.atMs === other.atMs
}
