/**
 * How a relay is, in one sentence of a fixed set: what an on-call engineer reads first. It answers whether anything is
 * lost, whose fault it is and whether somebody has to act. A pure function of what is known; the worst of all
 * workspaces speaks.
 */
import type { Health, HealthStatus } from '../observe/health.ts'
import type { RelayPhase } from '../observe/relay-events.ts'
import type { Stats } from '../client/reports.ts'
import type { PauseNote, Traffic, Verdict } from './contract.ts'
import type { Watched } from './chronicle.ts'
import { countText, groupedText, spanText, timeText } from './spans.ts'

export interface WorkspaceFacts {
  readonly name: string
  readonly health: Health
  readonly stats: Stats | null
  readonly watched: Watched
  readonly pause: PauseNote | null
  readonly traffic: Traffic | null
}

interface RelayFacts {
  readonly phase: RelayPhase
  readonly workspaces: readonly WorkspaceFacts[]
  readonly nowMs: number
}

/** The sentences, the worst first. */
export const VERDICT_CODES = [
  'lost',
  'cannot-store',
  'stopping',
  'starting',
  'credentials',
  'mostly-rejected',
  'paused',
  'unreachable',
  'errors',
  'filling',
  'throttled',
  'campaign-window',
  'catching-up',
  'degraded',
  'dying',
  'standby',
  'ok',
] as const

export type VerdictCode = (typeof VERDICT_CODES)[number]

const STATUS_OF: Readonly<Record<VerdictCode, HealthStatus>> = {
  lost: 'failing',
  'cannot-store': 'failing',
  stopping: 'stopping',
  starting: 'starting',
  credentials: 'blocked',
  'mostly-rejected': 'blocked',
  paused: 'blocked',
  unreachable: 'degraded',
  errors: 'degraded',
  filling: 'degraded',
  throttled: 'degraded',
  'campaign-window': 'degraded',
  'catching-up': 'degraded',
  degraded: 'degraded',
  // The word of health stands: what Customer.io refuses on its merits is no trouble of delivery.
  dying: 'ok',
  standby: 'ok',
  ok: 'ok',
}

/** The verdict of one workspace, or of all of a relay. */
export function verdictOf({ phase, workspaces, nowMs }: RelayFacts): Verdict {
  const judged = workspaces.map((facts) => ({ facts, code: codeOf(facts) }))
  const phaseCode: VerdictCode = phase === 'starting' ? 'starting' : phase === 'serving' ? 'ok' : 'stopping'
  const worst = judged.map(({ code }) => code).reduce((a, b) => (rank(b) < rank(a) ? b : a), phaseCode)
  // Standing by is said where nothing else is to say.
  const code: VerdictCode = worst === 'standby' && judged.some((one) => one.code === 'ok') ? 'ok' : worst
  const concerned = judged.filter((one) => one.code === code).map(({ facts }) => facts)
  const text = sentenceOf(code, concerned.length > 0 ? concerned : workspaces, workspaces, nowMs)
  return { code, status: STATUS_OF[code], text }
}

function rank(code: VerdictCode): number {
  return VERDICT_CODES.indexOf(code)
}

/** Reasons of health that have a sentence of their own. */
const REASON_CODES: readonly (readonly [reason: string, code: VerdictCode])[] = [
  ['lost', 'lost'],
  ['cannot-store', 'cannot-store'],
  ['parked', 'credentials'],
  ['credentials', 'credentials'],
  ['paused', 'paused'],
  ['circuit-open', 'unreachable'],
  ['circuit-half-open', 'unreachable'],
  ['unreachable', 'unreachable'],
  ['filling', 'filling'],
  ['throttled', 'throttled'],
  ['campaign-window', 'campaign-window'],
  ['late', 'catching-up'],
]

function codeOf({ health, watched, traffic }: WorkspaceFacts): VerdictCode {
  const has = (reason: string): boolean => health.reasons.some(({ code }) => code === reason)
  if (!has('lost') && !has('cannot-store')) {
    if (health.status === 'stopping') return 'stopping'
    if (health.status === 'starting') return 'starting'
  }
  const code = REASON_CODES.find(([reason]) => has(reason))?.[1]
  if (code === 'credentials' && watched.parked?.reason === 'mostly-rejected') return 'mostly-rejected'
  // Whose fault it is: a server that answers is reachable.
  if (code === 'unreachable' && health.circuitState !== 'closed' && watched.lastError?.status != null) return 'errors'
  if (code !== undefined) return code
  if (health.reasons.length > 0) return 'degraded'
  if ((traffic?.died ?? 0) > 0) return 'dying'
  return health.role === 'standby' ? 'standby' : 'ok'
}

function sentenceOf(
  code: VerdictCode,
  concerned: readonly WorkspaceFacts[],
  all: readonly WorkspaceFacts[],
  nowMs: number,
): string {
  const [first] = concerned
  const where = whereOf(concerned, all)
  const waiting = concerned.reduce((sum, { health }) => sum + health.queueDepth, 0)
  switch (code) {
    case 'lost': {
      const lost = concerned.reduce((sum, { stats }) => sum + (stats?.lost ?? 0), 0)
      return `Lost: ${countText(lost, 'accepted operation')} missing from the outbox${where}`
    }
    case 'cannot-store':
      return `Cannot store${where} (${storeErrorOf(first)}): new calls are refused; ${groupedText(waiting)} waiting`
    case 'stopping':
      return `Stopping: no new calls are taken; ${groupedText(waiting)} waiting, kept for the next start`
    case 'starting':
      return `Starting: outbox not open yet${where}; no calls are taken`
    case 'credentials':
      return `Credentials rejected${statusOf(first)}${where}${sinceOf(first?.watched.since.parkedAtMs, nowMs)}: storing; fix the key, it resumes by itself`
    case 'mostly-rejected':
      return `Most requests rejected${statusOf(first)}${where}${sinceOf(first?.watched.since.parkedAtMs, nowMs)}: storing; check region and configuration, it resumes by itself`
    case 'paused':
      return `Paused${where}${sinceOf(first?.pause?.atMs ?? first?.watched.since.pausedAtMs, nowMs)}${whyOf(first)}: storing; resume to deliver`
    case 'unreachable':
      return `Customer.io unreachable${where}${sinceOf(first?.watched.since.circuitAtMs, nowMs)}: accepting and storing; ${lostText(all)}`
    case 'errors':
      return `Customer.io answers with errors (${first?.watched.lastError?.status})${where}${sinceOf(first?.watched.since.circuitAtMs, nowMs)}: accepting and storing; ${lostText(all)}`
    case 'filling':
      return `Outbox ${fillOf(first)} full${where}: accepting until it is full; ${groupedText(waiting)} waiting`
    case 'throttled':
      return `Customer.io asks to slow down${where}: delivering at ${rateOf(first)} requests/s; ${groupedText(waiting)} waiting`
    case 'campaign-window':
      return `Campaign window closing${where}: ${windowOf(first)}`
    case 'catching-up':
      return `Catching up${where}: ${groupedText(waiting)} waiting, the oldest for ${spanText(first?.health.oldestAgeMs ?? 0)}; ${currentText(concerned, nowMs)}`
    case 'degraded':
      return `Degraded${where}: ${first?.health.reasons[0]?.message ?? 'for a reason that is not known'}`
    case 'dying': {
      const died = concerned.reduce((sum, { traffic }) => sum + (traffic?.died ?? 0), 0)
      return `Delivering${where}, but ${countText(died, 'new dead letter')} in the last minute: see what they died of`
    }
    case 'standby':
      return `Standing by${where}: another process delivers from this outbox`
    default:
      return all.length === 0 ? 'No workspaces' : 'Delivering normally'
  }
}

function whereOf(concerned: readonly WorkspaceFacts[], all: readonly WorkspaceFacts[]): string {
  if (all.length <= 1) return ''
  return concerned.length === 1
    ? ` for workspace ${concerned[0]!.name}`
    : ` for ${concerned.length} of ${all.length} workspaces`
}

function sinceOf(atMs: number | null | undefined, nowMs: number): string {
  return atMs == null ? '' : ` since ${timeText(atMs, nowMs)} (${spanText(nowMs - atMs)})`
}

function statusOf(facts: WorkspaceFacts | undefined): string {
  const probe = facts?.health.probe
  const status = facts?.watched.parked?.status ?? (probe?.asked === true ? probe.status : null)
  return status == null ? '' : ` (${status})`
}

function whyOf(facts: WorkspaceFacts | undefined): string {
  return facts?.pause?.why == null ? '' : ` (“${facts.pause.why}”)`
}

function storeErrorOf(facts: WorkspaceFacts | undefined): string {
  const message = facts?.health.reasons.find(({ code }) => code === 'cannot-store')?.message ?? ''
  return message.slice(message.lastIndexOf(' ') + 1) || 'UNKNOWN'
}

function lostText(all: readonly WorkspaceFacts[]): string {
  return `${all.reduce((sum, { stats }) => sum + (stats?.lost ?? 0), 0)} lost`
}

function fillOf(facts: WorkspaceFacts | undefined): string {
  const stats = facts?.stats
  if (stats == null) return 'nearly'
  const used = Math.max(stats.waiting / stats.operationsMax, (stats.waitingBytes + stats.deadBytes) / stats.bytesMax)
  return `${Math.floor(used * 100)} %`
}

function rateOf(facts: WorkspaceFacts | undefined): string {
  const rate = facts?.health.rate ?? 0
  return rate >= 10 ? String(Math.round(rate)) : String(Math.round(rate * 10) / 10)
}

function windowOf(facts: WorkspaceFacts | undefined): string {
  const leftMs = facts?.health.campaignWindowLeftMs ?? 0
  return leftMs <= 0
    ? 'events that wait are too old to trigger campaigns'
    : `events that wait can trigger campaigns for ${spanText(leftMs)} more`
}

function currentText(concerned: readonly WorkspaceFacts[], nowMs: number): string {
  const latest = concerned.reduce<number | null>((latestMs, { traffic }) => {
    const inMs = traffic?.currentInMs ?? null
    return latestMs === null || inMs === null ? null : Math.max(latestMs, inMs)
  }, 0)
  return latest === null ? 'not getting less' : `current at ≈${timeText(nowMs + latest, nowMs)}`
}

export interface StoppedFacts {
  readonly waiting: number
  readonly lost: number
  /** Workspaces whose outbox some process has open. */
  readonly openElsewhere: readonly string[]
  /** Workspaces whose outbox is on a server. */
  readonly shared: readonly string[]
  /** Workspaces whose outbox cannot be read. */
  readonly unreadable: readonly string[]
}

/** Of a relay that does not answer, as its files tell. */
export function stoppedVerdict({ waiting, lost, openElsewhere, shared, unreadable }: StoppedFacts): Verdict {
  if (unreadable.length > 0) {
    const text = `No relay answers, and the outbox of ${unreadable.join(', ')} cannot be read`
    return { code: 'unreadable', status: 'failing', text }
  }
  if (lost !== 0) {
    const text = `No relay answers, and lost: ${countText(lost, 'accepted operation')} missing from the outbox`
    return { code: 'lost', status: 'failing', text }
  }
  if (openElsewhere.length > 0) {
    const text = `No relay answers here, but a process delivers from the outbox of ${openElsewhere.join(', ')}: look for its address and its token`
    return { code: 'elsewhere', status: 'degraded', text }
  }
  if (shared.length > 0) {
    const text = `No relay answers here: ${groupedText(waiting)} waiting, kept on a server; relays elsewhere may deliver them`
    return { code: 'elsewhere', status: 'degraded', text }
  }
  const text = `Relay stopped: no new calls are taken; ${groupedText(waiting)} waiting, kept for the next start`
  return { code: 'stopped', status: 'stopping', text }
}
