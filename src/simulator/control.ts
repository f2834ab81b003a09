/**
 * The simulator's control API: what arrived, and what shall go wrong, asked over HTTP by another process. It stands under
 * `/__simulator/` beside the Track API, on loopback alone, is never struck by a fault, and leaves no trace in the ledger.
 *
 *     GET    /__simulator/          counts of the ledger: requests, operations, applied, repeats, faults
 *     GET    /__simulator/ledger    ?name= &person= &after=0 &limit=1000 &value=n   operations, in the order of arrival
 *     POST   /__simulator/down      { "outage": "bad-gateway" }
 *     POST   /__simulator/up
 *     POST   /__simulator/faults    a fault, without functions: { "kind": "status", "status": 503, "share": 0.1 }
 *     DELETE /__simulator/faults
 *     POST   /__simulator/settings  { "latencyMs": 50, "rateLimit": { "perSecond": 100 } }
 *     POST   /__simulator/reset     forgets what arrived; ends faults and outage
 */
import { isHoldfastError, OptionsError } from '../errors.ts'
import type { Reply } from './answers.ts'
import { readBody } from './body.ts'
import { faultOfJson } from './fault-json.ts'
import type { LedgerEntry } from './ledger.ts'
import type { Answering } from './serve.ts'
import type { Outage, Simulator } from './simulator.ts'

export const CONTROL_PATH = '/__simulator/'

/** One operation, as `ledger` gives it. Its data stay here, but for the one value that is asked for. */
export interface ArrivedOperation {
  readonly person: string | null
  readonly type: string | null
  readonly name: string | null
  readonly id: string | null
  readonly applied: boolean
  readonly duplicate: boolean
  readonly status: number | null
  readonly value: unknown
}

export interface ArrivedPage {
  readonly operations: readonly ArrivedOperation[]
  /** Where the next page begins. */
  readonly after: number
  /** Nothing has arrived beyond `after` yet. */
  readonly end: boolean
}

const BODY_BYTES_MAX = 100_000
const LIMIT_MAX = 10_000
/** Looked at for one page, however few of them are asked for. */
const SCANNED_MAX = 200_000

type Controlled = Pick<Simulator, 'ledger' | 'workspace' | 'faults' | 'down' | 'up' | 'change'>

/** @throws OptionsError for an address that others can reach */
export function checkLoopback(host: string): void {
  if (host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)) return
  throw new OptionsError('control', 'can be served on a loopback address only')
}

/** The exchange, with the control API before it. */
export function withControl(exchange: Answering, simulator: Controlled): Answering {
  return {
    reply: (request) => {
      const { pathname } = new URL(request.url)
      return pathname.startsWith(CONTROL_PATH) ? control(request, simulator) : exchange.reply(request)
    },
    // A connection can carry questions as well, so it is the request that is refused, not the connection.
    faults: { refusesAll: false },
  }
}

async function control(request: Request, simulator: Controlled): Promise<Reply> {
  // A page in a browser has no business here.
  if (request.headers.has('origin')) return answer(403, { error: 'not for web pages' })
  const { pathname, searchParams } = new URL(request.url)
  try {
    const body = request.method === 'POST' ? await jsonOf(request) : undefined
    switch (`${request.method} ${pathname.slice(CONTROL_PATH.length)}`) {
      case 'GET ':
        return answer(200, summaryOf(simulator))
      case 'GET ledger':
        return answer(200, pageOf(simulator.ledger.all(), searchParams))
      case 'POST down':
        return done(() => simulator.down(outageOf(body)))
      case 'POST up':
        return done(() => simulator.up())
      case 'POST faults':
        return done(() => simulator.faults.add(faultOfJson(body ?? {})))
      case 'DELETE faults':
        return done(() => simulator.faults.clear())
      case 'POST settings':
        return done(() => simulator.change(settingsOf(body)))
      case 'POST reset':
        return done(() => reset(simulator))
      default:
        return answer(404, { error: 'no such question' })
    }
  } catch (error) {
    if (isHoldfastError(error)) return answer(400, { error: error.message })
    throw error
  }
}

function done(change: () => unknown): Reply {
  change()
  return answer(200, {})
}

function summaryOf({ ledger, faults }: Controlled): object {
  const counts = { operations: 0, applied: 0, duplicates: 0 }
  for (const { applied, duplicate } of ledger.all()) {
    counts.operations++
    if (applied) counts.applied++
    if (duplicate) counts.duplicates++
  }
  return { requests: ledger.requests().length, ...counts, faults: faults.size }
}

function pageOf(entries: readonly LedgerEntry[], query: URLSearchParams): ArrivedPage {
  const name = query.get('name')
  const person = query.get('person')
  const value = query.get('value')
  const limit = wholeOf(query, 'limit', 1_000, LIMIT_MAX)
  let at = wholeOf(query, 'after', 0, Number.MAX_SAFE_INTEGER)
  if (at > entries.length) throw new OptionsError('after', 'is beyond what has arrived: the ledger was reset')
  const scannedTo = Math.min(entries.length, at + SCANNED_MAX)
  const operations: ArrivedOperation[] = []
  for (; at < scannedTo && operations.length < limit; at++) {
    const entry = entries[at]!
    if (name !== null && entry.name !== name) continue
    if (person !== null && entry.person !== person) continue
    operations.push(arrivedOf(entry, value))
  }
  return { operations, after: at, end: at === entries.length }
}

function arrivedOf({ call, ...entry }: LedgerEntry, value: string | null): ArrivedOperation {
  const data = call?.type === 'event' ? call.data : call?.type === 'identify' ? call.attributes : {}
  return {
    person: entry.person,
    type: entry.type,
    name: entry.name,
    id: entry.id,
    applied: entry.applied,
    duplicate: entry.duplicate,
    status: entry.status,
    value: value !== null && Object.hasOwn(data, value) ? data[value] : null,
  }
}

function wholeOf(query: URLSearchParams, field: string, fallback: number, max: number): number {
  const text = query.get(field)
  if (text === null) return fallback
  if (!/^\d{1,15}$/.test(text) || Number(text) > max)
    throw new OptionsError(field, `must be a whole number up to ${max}`)
  return Number(text)
}

function outageOf(body: Readonly<Record<string, unknown>> | undefined): Outage {
  const outage = body?.['outage'] ?? 'bad-gateway'
  const known: readonly Outage[] = ['bad-gateway', 'unavailable', 'refused', 'reset', 'timeout']
  const found = known.find((word) => word === outage)
  if (found === undefined) throw new OptionsError('outage', `must be one of ${known.join(', ')}`)
  return found
}

function settingsOf(body: Readonly<Record<string, unknown>> | undefined): Parameters<Simulator['change']>[0] {
  const stray = Object.keys(body ?? {}).find((key) => key !== 'latencyMs' && key !== 'rateLimit')
  if (stray !== undefined) throw new OptionsError('settings', 'can be latencyMs and rateLimit')
  return { ...body }
}

function reset({ ledger, workspace, faults, up }: Controlled): void {
  up()
  faults.clear()
  ledger.clear()
  workspace.clear()
}

async function jsonOf(request: Request): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readBody(request, BODY_BYTES_MAX)
  if (text === undefined) throw new OptionsError('body', `is longer than ${BODY_BYTES_MAX} bytes`)
  if (text === '') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new OptionsError('body', 'is no JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new OptionsError('body', 'must be an object')
  return value as Readonly<Record<string, unknown>>
}

function answer(status: number, value: object): Reply {
  return { kind: 'answer', status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value)}\n` }
}
