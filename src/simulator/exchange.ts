/**
 * One request from arrival to reply: body, faults, half of the latency, the work, the other half.
 *
 * The work stands in the middle so that both things can happen that happen to real requests: concurrent ones are done
 * in another order than they were sent, and one whose client has given up was applied all the same.
 */
import { routeOf } from '../protocol/route.ts'
import { unreachable } from '../runtime/assert.ts'
import { sleep } from '../runtime/clock.ts'
import { redirect, type Reply, retryAfterHeader, statusAnswer } from './answers.ts'
import { readBody } from './body.ts'
import { type ArrivingRequest, type DecidingFault, Faults, type Struck } from './faults.ts'
import type { Hold } from './hold.ts'
import { drawLatency } from './latency.ts'
import { Ledger, type RequestRecord, type Written } from './ledger.ts'
import { parse } from './operations.ts'
import { type ChangeableOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { type Arrival, type Done, TrackApi, untouched } from './track-api.ts'
import { Workspace } from './workspace.ts'

type Stamp = Pick<RequestRecord, 'number' | 'atMs' | 'monotonicMs'>

export class Exchange {
  readonly faults: Faults
  readonly ledger: Ledger
  readonly workspace: Workspace
  readonly #track: TrackApi
  readonly #hold: Hold
  /** A request that only hangs is held by nobody else, and one that is collected never hears of its abort. */
  readonly #underWay = new Set<Request>()
  #options: ResolvedOptions
  #requests = 0

  constructor(options: ResolvedOptions, hold: Hold) {
    this.#options = options
    this.#hold = hold
    this.faults = new Faults(options.clock, options.random)
    this.ledger = new Ledger(options.ledger, options.ledgerMax)
    this.workspace = new Workspace({
      on: options.state,
      recordsMax: options.stateMax,
      byShape: options.personIdentifier === 'auto',
    })
    this.#track = new TrackApi(this.workspace)
  }

  change(options: ChangeableOptions): void {
    this.#options = resolveOptions(options, this.#options)
  }

  /**
   * What the client gets. Rejects with the signal's reason once that aborts, and with an OptionsError when the ledger
   * or the workspace is full.
   */
  async reply(request: Request): Promise<Reply> {
    this.#underWay.add(request)
    try {
      return await this.#replyTo(request)
    } finally {
      this.#underWay.delete(request)
    }
  }

  async #replyTo(request: Request): Promise<Reply> {
    const { clock, random, bodyBytesMax, latencyMs } = this.#options
    const stamp: Stamp = { number: ++this.#requests, atMs: clock.wallMs(), monotonicMs: clock.monotonicMs() }
    const { signal } = request
    signal.throwIfAborted()
    const body = await readBody(request, bodyBytesMax)
    const arrival = arrivalOf(request, stamp.number, body ?? '')
    const operations = arrival.parsed.kind === 'operations' ? arrival.parsed.operations.length : 0
    this.ledger.reserve(operations)
    this.workspace.reserve(operations)
    if (body === undefined) {
      const answer = statusAnswer(413, 'json')
      this.#write(stamp, arrival, answer, [])
      return answer
    }
    const struck = this.faults.strike(arrival.request)
    if (struck.deciding?.kind === 'refused') {
      this.#write(stamp, arrival, { kind: 'refused' }, [])
      return { kind: 'refused' }
    }
    const waitMs = struck.latencies.reduce(
      (sum, fault) => sum + drawLatency(fault.latencyMs, random),
      drawLatency(latencyMs, random),
    )
    if (!(await this.#pass(waitMs / 2, signal))) {
      this.#write(stamp, arrival, { kind: 'hang' }, untouched(arrival))
      throw signal.reason
    }
    const { reply, written } = this.#work(stamp, arrival, struck)
    if (reply.kind === 'hang') {
      await this.#hold.during(aborted(signal))
      throw signal.reason
    }
    if (await this.#pass(waitMs / 2, signal)) return reply
    written.cut()
    throw signal.reason
  }

  /** Does the work, unless a fault comes before it, and writes down what became of it. */
  #work(stamp: Stamp, arrival: Arrival, struck: Struck): { readonly reply: Reply; readonly written: Written } {
    const { deciding } = struck
    if (deciding !== undefined && !isApplied(deciding)) {
      const reply = this.#replyOf(deciding, arrival.request, undefined)
      return { reply, written: this.#write(stamp, arrival, reply, untouched(arrival)) }
    }
    const done = this.#track.handle(arrival, this.#options, struck.calls)
    const reply = deciding === undefined ? done.answer : this.#replyOf(deciding, arrival.request, done)
    return { reply, written: this.#write(stamp, arrival, reply, done.operated) }
  }

  #replyOf(fault: DecidingFault, request: ArrivingRequest, done: Done | undefined): Reply {
    switch (fault.kind) {
      case 'refused':
      case 'reset':
        return { kind: fault.kind }
      case 'timeout':
        return { kind: 'hang' }
      case 'half-response':
        // Where there is no body, there is no half of it.
        return done === undefined || done.answer.body === null
          ? { kind: 'reset' }
          : { kind: 'half', answer: done.answer }
      case 'redirect':
        return redirect(fault.status ?? 301, isOrigin(fault.to) ? fault.to.replace(/\/$/, '') + request.path : fault.to)
      case 'status': {
        const retryAfter =
          fault.retryAfterSeconds === undefined
            ? undefined
            : retryAfterHeader(
                fault.retryAfterSeconds,
                fault.retryAfterDate ? 'date' : 'seconds',
                this.#options.clock.wallMs(),
              )
        return statusAnswer(fault.status, fault.html ? 'html' : fault.text ? 'text' : 'json', retryAfter)
      }
      default:
        return unreachable(fault)
    }
  }

  #write(stamp: Stamp, arrival: Arrival, reply: Reply, operated: Done['operated']): Written {
    const { clock } = this.#options
    const answer = reply.kind === 'answer' ? reply : reply.kind === 'half' ? reply.answer : null
    return this.ledger.write(
      {
        ...stamp,
        method: arrival.request.method,
        route: arrival.request.route.name,
        bytes: arrival.bytes,
        status: answer?.status ?? null,
        fate: reply.kind === 'answer' ? 'answered' : 'cut',
      },
      { atMs: clock.wallMs(), monotonicMs: clock.monotonicMs() },
      operated,
    )
  }

  /** Waits; false when the client gave up meanwhile. */
  async #pass(waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (waitMs === 0) return !signal.aborted
    return (await this.#hold.during(sleep(this.#options.clock, waitMs, signal))) === 'elapsed'
  }
}

function arrivalOf(request: Request, number: number, body: string): Arrival {
  const { method, url, headers } = request
  // Of a Request the URL is always absolute and normalised, so its path begins at the third slash.
  const pathAt = url.indexOf('/', url.indexOf('//') + 2)
  const path = url.slice(pathAt)
  const route = routeOf(method, path)
  return {
    request: { number, method, path, route, person: 'identifier' in route ? route.identifier : null, body },
    host: url.slice(0, pathAt),
    authorization: headers.get('authorization'),
    contentType: headers.get('content-type'),
    contentEncoding: headers.get('content-encoding'),
    bytes: Buffer.byteLength(body),
    parsed: parse(route, body),
  }
}

/** Whether the work is done before the fault strikes. */
function isApplied(fault: DecidingFault): boolean {
  switch (fault.kind) {
    case 'status':
    case 'reset':
    case 'timeout':
      return fault.applied ?? false
    case 'half-response':
      return true
    case 'refused':
    case 'redirect':
      return false
    default:
      return unreachable(fault)
  }
}

function isOrigin(location: string): boolean {
  const url = URL.parse(location)
  return url !== null && url.pathname === '/' && url.search === '' && url.hash === ''
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
