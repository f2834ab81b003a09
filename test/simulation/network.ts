/**
 * The way between a process and the simulator: latency, and everything that can go wrong on it. It also keeps its own
 * record of what arrived, so that the checkers need not believe the simulator.
 */
import { decodeCall, type Decoded, decodeItem } from '../../src/protocol/decode.ts'
import { lanesOf } from '../../src/protocol/lanes.ts'
import { routeOf } from '../../src/protocol/route.ts'
import { unreachable } from '../../src/runtime/assert.ts'
import { sleep } from '../../src/runtime/clock.ts'
import type { Fetch, Random } from '../../src/runtime/runtime.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'
import type { Plan, Window } from './plan.ts'

/** One operation that reached the provider and was taken by it. */
export interface Arrival {
  readonly atMs: number
  readonly lanes: readonly string[]
  /** `type#n`, as the workload marks its calls; a call that can carry no mark is its type alone. */
  readonly mark: string
  readonly id: string | undefined
  readonly timestamp: number | undefined
  /** Its process had died before it arrived. */
  readonly isPosthumous: boolean
}

export interface NetworkUser {
  /** A request leaves it. */
  started(): void
  /** It knows the request's end. */
  ended(): void
  /** Virtual time of its death. */
  diedAtMs(): number | null
}

/** A request that has not arrived this long after the death of its process is lost with its connection. */
const AFTERLIFE_MS = 2_000

export interface Network {
  /** The network as one process sees it. */
  fetchFor(process: NetworkUser): Fetch
  readonly arrivals: readonly Arrival[]
  readonly requests: number
  /** Ends all faults. */
  heal(): void
}

export function createNetwork(
  plan: Plan,
  clock: VirtualClock,
  random: Random,
  provider: Fetch,
  log: (line: string) => void,
): Network {
  const arrivals: Arrival[] = []
  const underWay = new Set<Request>()
  let requests = 0
  let isHealed = false

  function windowNow(): Window['kind'] | undefined {
    if (isHealed) return undefined
    const nowMs = clock.monotonicMs()
    return plan.windows.find((window) => nowMs >= window.fromMs && nowMs < window.toMs)?.kind
  }

  /** The fault of one request: by window first, then by chance. */
  function faultNow(): keyof Plan['shares'] | 'unauthorized' | undefined {
    if (isHealed) return undefined
    const window = windowNow()
    const chance = random()
    if (window === 'down')
      return chance < 0.4 ? 'html502' : chance < 0.7 ? 'refused' : chance < 0.9 ? 'status500' : 'hangBefore'
    if (window === 'unauthorized') return 'unauthorized'
    if (window === 'brown-out' && chance < 0.4) return 'html502'
    let sum = 0
    for (const [fault, share] of Object.entries(plan.shares)) {
      sum += share
      if (chance < sum) return fault as keyof Plan['shares']
    }
    return undefined
  }

  async function work(
    method: string,
    path: string,
    body: string,
    request: Request,
    isPosthumous: boolean,
  ): Promise<Response> {
    // The batch breaker: a whole batch is refused because of one item, without a word about which.
    if (body.includes('batch-breaker'))
      return json(400, { errors: [{ reason: 'invalid', field: 'batch', message: 'malformed' }] })
    const response = await provider(requestOf(request, body))
    const text = await response.text()
    if (response.status < 300) {
      const when = { atMs: clock.monotonicMs(), isPosthumous }
      arrivals.push(...arrivalsOf(method, path, body, text, when))
    }
    return new Response(text === '' ? null : text, { status: response.status, headers: response.headers })
  }

  async function pass(request: Request, process: NetworkUser): Promise<Response> {
    requests++
    const number = requests
    const fault = faultNow()
    const latencyMs = Math.floor(random() * plan.latencyMsMax * (windowNow() === 'slow' ? 8 : 1))
    const { pathname, search } = new URL(request.url)
    const body = await request.text()
    log(`request ${number} ${request.method} ${pathname} ${body.length} B${fault === undefined ? '' : ` ${fault}`}`)
    const gone = await sleep(clock, fault === 'refused' ? 1 : latencyMs / 2, request.signal)
    if (gone === 'aborted') throw request.signal.reason
    const diedAtMs = process.diedAtMs()
    if (diedAtMs !== null && clock.monotonicMs() - diedAtMs > AFTERLIFE_MS) return forever(request.signal)
    const run = (): Promise<Response> => work(request.method, pathname + search, body, request, diedAtMs !== null)
    const response = await answer(fault, run, request.signal)
    const back = await sleep(clock, latencyMs / 2, request.signal)
    if (back === 'aborted') throw request.signal.reason
    log(`answer ${number} ${response.status}`)
    return response
  }

  async function answer(
    fault: ReturnType<typeof faultNow>,
    run: () => Promise<Response>,
    signal: AbortSignal,
  ): Promise<Response> {
    switch (fault) {
      case undefined:
        return run()
      case 'refused':
        throw failed('ECONNREFUSED')
      case 'resetBefore':
        throw failed('ECONNRESET')
      case 'resetAfter':
        await run()
        throw failed('ECONNRESET')
      case 'hangBefore':
        return forever(signal)
      case 'hangAfter':
        await run()
        return forever(signal)
      case 'status500':
        return json(500, { meta: { error: 'internal error' } })
      case 'html502':
        return new Response('<html><title>502</title></html>', {
          status: 502,
          headers: { 'content-type': 'text/html' },
        })
      case 'throttled':
        return new Response('{}', { status: 429, headers: random() < 0.5 ? { 'retry-after': '2' } : {} })
      case 'unauthorized':
        return new Response('Unauthorized request', { status: 401 })
      case 'halfAnswer':
        await run()
        throw failed('UND_ERR_SOCKET')
      default:
        return unreachable(fault)
    }
  }

  return {
    fetchFor: (process) => (request) => {
      process.started()
      // A request that hangs is held by nobody else, and one that is collected never hears of its abort.
      underWay.add(request)
      return pass(request, process).finally(() => {
        underWay.delete(request)
        process.ended()
      })
    },
    arrivals,
    get requests() {
      return requests
    },
    heal() {
      isHealed = true
    },
  }
}

/**
 * The request anew, whose body was read. No clone: in the fetch of Node 22 a clone that is collected as garbage cancels
 * the body of its original (seeds 66 and 75 differed by it).
 */
function requestOf({ url, method, headers, signal }: Request, body: string): Request {
  return new Request(url, { method, headers, signal, ...(body === '' ? {} : { body }) })
}

function failed(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
}

function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}

type When = Pick<Arrival, 'atMs' | 'isPosthumous'>

function arrivalsOf(method: string, path: string, body: string, answer: string, when: When): Arrival[] {
  const route = routeOf(method, path)
  const parsed: unknown = body === '' ? undefined : JSON.parse(body)
  if (route.name === 'batch') {
    const refused = new Set(
      ((JSON.parse(answer) as { errors?: { batch_index: number }[] }).errors ?? []).map((error) => error.batch_index),
    )
    return (parsed as { batch: unknown[] }).batch.flatMap((item, index) =>
      refused.has(index) ? [] : arrivalOf(decodeItem(item), when),
    )
  }
  if (route.name === 'entity') return arrivalOf(decodeItem(parsed), when)
  if (route.name === 'unknown' || route.name === 'region') return []
  return arrivalOf(decodeCall(route, parsed), when)
}

function arrivalOf(decoded: Decoded, when: When): Arrival[] {
  if (!decoded.ok) return []
  const { call } = decoded
  const data = call.type === 'event' ? call.data : call.type === 'identify' ? call.attributes : undefined
  const mark =
    data === undefined
      ? call.type === 'add_device'
        ? `add_device#${call.token}`
        : call.type
      : `${call.type}#${JSON.stringify(data['n'])}`
  return [
    {
      ...when,
      lanes: lanesOf(call, 'none'),
      mark,
      id: call.type === 'event' ? call.id : undefined,
      timestamp: 'timestamp' in call ? call.timestamp : undefined,
    },
  ]
}
