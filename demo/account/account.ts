/**
 * The account of a run: what arrived, held against what callers were told. Pure. Nothing in it is the library's own
 * word.
 */
import type { Line } from '../calls/line.ts'
import { peopleOf } from '../calls/mark.ts'
import type { Arrival } from './arrivals.ts'
import type { Asked } from './asked.ts'

/** "only events in the past 72 hours trigger campaigns" (Track API description, `timestamp` of an event). */
export const CAMPAIGN_WINDOW_MS: number = 72 * 3_600_000

export interface CallerWait {
  readonly medianMs: number
  readonly longestMs: number
}

/** What both sides have. */
export interface SideAccount {
  /** Calls that the application made. */
  readonly calls: number
  /** Different calls of these that arrived, whatever the caller was told. */
  readonly arrived: number
  /** Events that Customer.io has twice or more. */
  readonly recordedTwice: number
  /** From the call to its effect at Customer.io; null when nothing arrived. */
  readonly longestDelayMs: number | null
  /** How long callers waited for their answer; null when none got one. */
  readonly callerWait: CallerWait | null
}

export interface HoldfastAccount extends SideAccount {
  /** Calls whose caller holds a receipt. */
  readonly accepted: number
  /** Calls that were refused with an error. */
  readonly refused: number
  /** Calls that were under way when the process died and were made again. */
  readonly madeAgain: number
  /** Accepted calls that arrived. */
  readonly delivered: number
  readonly lost: number
  /** Repeats on the wire that changed nothing: the same id, or the same content with the same time. */
  readonly duplicatesAbsorbed: number
  /** Repeats that Customer.io must take for something new. */
  readonly duplicatesWithAnotherId: number
  /** Arrivals of calls that nobody made. */
  readonly unasked: number
  /** Arrivals of a call after a later call of the same person. */
  readonly orderViolations: number
  /** Arrivals whose time is not that of the call. */
  readonly wrongTimes: number
  readonly campaignWindow: {
    readonly events: number
    readonly inside: number
    /** What the tightest one had left; null without events. */
    readonly smallestMarginMs: number | null
  }
}

export interface OfficialAccount extends SideAccount {
  readonly succeeded: number
  /** Calls that ended in an error, after the client's own retries. */
  readonly failed: number
  /** Calls that were in the memory of a process that died. */
  readonly gone: number
  /** Calls that never arrived. */
  readonly lost: number
}

export function holdfastAccount(
  lines: readonly Line[],
  asked: readonly Asked[],
  arrivals: readonly Arrival[],
): HoldfastAccount {
  const byCall = groupByCall(arrivals)
  const known = new Set(asked.map(({ n }) => n))
  const accepted = asked.filter(({ fate }) => fate.kind === 'acknowledged')
  const delivered = accepted.filter(({ n }) => byCall.has(n)).length
  const repeats = [...byCall.values()].flatMap((group) =>
    group.slice(1).map((arrival) => ({ arrival, first: group[0]! })),
  )
  const strange = repeats.filter(
    ({ arrival, first }) => arrival.id !== first.id || arrival.timestamp !== first.timestamp,
  )
  return {
    ...sideAccount(lines, asked, byCall),
    accepted: accepted.length,
    refused: asked.filter(({ fate }) => fate.kind === 'failed').length,
    madeAgain: asked.filter(({ times }) => times > 1).length,
    delivered,
    lost: accepted.length - delivered,
    duplicatesAbsorbed: repeats.length - strange.length,
    duplicatesWithAnotherId: strange.length,
    unasked: arrivals.filter(({ n }) => n === null || !known.has(n)).length,
    orderViolations: orderViolations(lines, arrivals),
    wrongTimes: wrongTimes(asked, byCall),
    campaignWindow: campaignWindow(lines, arrivals),
  }
}

export function officialAccount(
  lines: readonly Line[],
  asked: readonly Asked[],
  arrivals: readonly Arrival[],
): OfficialAccount {
  const side = sideAccount(lines, asked, groupByCall(arrivals))
  const count = (kind: Asked['fate']['kind']): number => asked.filter(({ fate }) => fate.kind === kind).length
  return {
    ...side,
    succeeded: count('acknowledged'),
    failed: count('failed'),
    gone: count('gone'),
    lost: side.calls - side.arrived,
  }
}

type ByCall = ReadonlyMap<number, readonly Arrival[]>

function groupByCall(arrivals: readonly Arrival[]): ByCall {
  const groups = new Map<number, Arrival[]>()
  for (const arrival of arrivals) {
    if (arrival.n === null) continue
    const group = groups.get(arrival.n)
    if (group === undefined) groups.set(arrival.n, [arrival])
    else group.push(arrival)
  }
  return groups
}

function sideAccount(lines: readonly Line[], asked: readonly Asked[], byCall: ByCall): SideAccount {
  const delays = asked.flatMap(({ n, atMs }) => {
    const first = byCall.get(n)?.[0]
    return first === undefined ? [] : [first.atMs - atMs]
  })
  let recordedTwice = 0
  for (const [n, group] of byCall) {
    if (isEvent(lines[n]!) && group.filter(({ applied }) => applied).length > 1) recordedTwice++
  }
  return {
    calls: asked.length,
    arrived: asked.filter(({ n }) => byCall.has(n)).length,
    recordedTwice,
    longestDelayMs: delays.length === 0 ? null : Math.max(...delays),
    callerWait: callerWait(asked),
  }
}

function callerWait(asked: readonly Asked[]): CallerWait | null {
  const waits = asked
    .flatMap(({ fate }) => (fate.kind === 'acknowledged' || fate.kind === 'failed' ? [fate.waitedMs] : []))
    .sort((a, b) => a - b)
  const longestMs = waits.at(-1)
  return longestMs === undefined ? null : { medianMs: waits[waits.length >> 1]!, longestMs }
}

/** A repeat of the newest call of a person is none: what came before it is there already. */
function orderViolations(lines: readonly Line[], arrivals: readonly Arrival[]): number {
  const newest = new Map<string, number>()
  let violations = 0
  for (const { n } of arrivals) {
    if (n === null) continue
    const people = peopleOf(lines[n]!)
    if (people.some((person) => n < (newest.get(person) ?? 0))) violations++
    for (const person of people) newest.set(person, Math.max(n, newest.get(person) ?? 0))
  }
  return violations
}

/** The time of an arrival, in whole seconds, lies between the making of its call and its receipt. */
function wrongTimes(asked: readonly Asked[], byCall: ByCall): number {
  let wrong = 0
  for (const { n, atMs, fate } of asked) {
    const untilMs = fate.kind === 'acknowledged' ? fate.atMs : Infinity
    for (const { timestamp } of byCall.get(n) ?? []) {
      if (timestamp === null) continue
      if (timestamp < Math.floor(atMs / 1_000) || timestamp > Math.floor(untilMs / 1_000)) wrong++
    }
  }
  return wrong
}

function campaignWindow(lines: readonly Line[], arrivals: readonly Arrival[]): HoldfastAccount['campaignWindow'] {
  const margins = arrivals
    .filter(({ n, applied }) => n !== null && applied && isEvent(lines[n]!))
    .map(({ atMs, timestamp }) =>
      timestamp === null ? CAMPAIGN_WINDOW_MS : timestamp * 1_000 + CAMPAIGN_WINDOW_MS - atMs,
    )
  return {
    events: margins.length,
    inside: margins.filter((marginMs) => marginMs > 0).length,
    smallestMarginMs: margins.length === 0 ? null : Math.min(...margins),
  }
}

function isEvent({ method }: Line): boolean {
  return method === 'track' || method === 'trackAnonymous' || method === 'trackPageView'
}
