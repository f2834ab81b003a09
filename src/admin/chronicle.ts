/**
 * What can be told of a workspace only by having watched: since when its circuit is open, it is parked or paused, the
 * newest error, and how much came and went in the last minute. A subscriber like any other.
 */
import type { HoldfastEvent } from '../observe/events.ts'
import type { RelayEvent } from '../observe/relay-events.ts'
import type { Clock } from '../runtime/clock.ts'
import type { LastError, Since, Traffic } from './contract.ts'

const SLOT_MS = 5_000
const SLOTS = 12

export interface Watched {
  readonly since: Since
  /** Why delivery is parked, as Customer.io said. */
  readonly parked: { readonly reason: 'credentials' | 'mostly-rejected'; readonly status: number } | null
  readonly lastError: LastError | null
}

export interface Chronicle {
  note(event: RelayEvent): void
  of(workspace: string): Watched
  traffic(workspace: string, waiting: number): Traffic
}

interface Slot {
  number: number
  accepted: number
  delivered: number
  died: number
}

interface Page {
  circuitAtMs: number | null
  parkedAtMs: number | null
  pausedAtMs: number | null
  readonly pauses: Set<'process' | 'all'>
  parked: Watched['parked']
  lastError: LastError | null
  readonly slots: Slot[]
}

const NOTHING: Watched = Object.freeze({
  since: Object.freeze({ circuitAtMs: null, parkedAtMs: null, pausedAtMs: null }),
  parked: null,
  lastError: null,
})

export function createChronicle(clock: Clock): Chronicle {
  const pages = new Map<string, Page>()
  const startMs = clock.monotonicMs()

  function pageOf(workspace: string): Page {
    let page = pages.get(workspace)
    if (page === undefined) {
      const slots = Array.from({ length: SLOTS }, () => ({ number: -1, accepted: 0, delivered: 0, died: 0 }))
      const since = { circuitAtMs: null, parkedAtMs: null, pausedAtMs: null }
      page = { ...since, pauses: new Set(), parked: null, lastError: null, slots }
      pages.set(workspace, page)
    }
    return page
  }

  return {
    note(event) {
      if (event.type === 'workspace') noteOf(pageOf(event.workspace), event.event, clock)
    },
    of(workspace) {
      const page = pages.get(workspace)
      if (page === undefined) return NOTHING
      const { circuitAtMs, parkedAtMs, pausedAtMs, parked, lastError } = page
      return { since: { circuitAtMs, parkedAtMs, pausedAtMs }, parked, lastError }
    },
    traffic(workspace, waiting) {
      const seconds = Math.max(1, Math.min(SLOTS * SLOT_MS, clock.monotonicMs() - startMs) / 1_000)
      const oldest = slotNumber(clock) - SLOTS
      const slots = (pages.get(workspace)?.slots ?? []).filter(({ number }) => number > oldest)
      const sum = (of: (slot: Slot) => number): number => slots.reduce((total, slot) => total + of(slot), 0)
      const acceptedPerSecond = sum((slot) => slot.accepted) / seconds
      const deliveredPerSecond = sum((slot) => slot.delivered) / seconds
      const died = sum((slot) => slot.died)
      const net = deliveredPerSecond + died / seconds - acceptedPerSecond
      return { acceptedPerSecond, deliveredPerSecond, died, currentInMs: net > 0 ? (waiting / net) * 1_000 : null }
    },
  }
}

function noteOf(page: Page, event: HoldfastEvent, clock: Clock): void {
  const nowMs = clock.wallMs()
  switch (event.type) {
    case 'accepted':
      slotOf(page, clock).accepted += event.operations
      break
    case 'delivered':
      slotOf(page, clock).delivered += event.entries.length
      break
    case 'dead-letter':
      slotOf(page, clock).died += event.entries.length
      break
    case 'circuit':
      page.circuitAtMs = event.to === 'closed' ? null : (page.circuitAtMs ?? nowMs)
      break
    case 'parked':
      page.parkedAtMs ??= nowMs
      page.parked = { reason: event.reason, status: event.status }
      break
    case 'unparked':
      page.parkedAtMs = null
      page.parked = null
      break
    case 'paused':
      page.pausedAtMs ??= nowMs
      page.pauses.add(event.scope)
      break
    case 'resumed':
      page.pauses.delete(event.scope)
      if (page.pauses.size === 0) page.pausedAtMs = null
      break
    case 'request':
      if (isError(event)) page.lastError = { atMs: nowMs, status: event.status, reason: event.reason ?? null }
      break
    default:
  }
}

function slotNumber(clock: Clock): number {
  return Math.floor(clock.monotonicMs() / SLOT_MS)
}

function slotOf(page: Page, clock: Clock): Slot {
  const number = slotNumber(clock)
  const slot = page.slots[number % SLOTS]!
  if (slot.number !== number) Object.assign(slot, { number, accepted: 0, delivered: 0, died: 0 })
  return slot
}

function isError(event: Extract<HoldfastEvent, { readonly type: 'request' }>): boolean {
  return event.outcome !== 'aborted' && (event.status === null || event.status >= 300)
}
