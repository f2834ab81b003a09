/**
 * What Customer.io does with a request that reaches it: rate limit, route, data centre, credentials, size, structure,
 * limits, and then the work. Synchronous, so that two requests never interleave inside it.
 */
import type { Problem } from '../errors.ts'
import type { Dialect } from '../protocol/call.ts'
import { OPERATION_BYTES_MAX } from '../protocol/limits.ts'
import { type Region, trackHost } from '../protocol/regions.ts'
import { needsAuth } from '../protocol/route.ts'
import { type WireError, wireErrorsOf } from '../protocol/wire-errors.ts'
import { inTheirWords } from '../protocol/words.ts'
import { unreachable } from '../runtime/assert.ts'
import {
  type Answer,
  errorsAnswer,
  jsonAnswer,
  metaAnswer,
  NO_CONTENT,
  refusal,
  retryAfterHeader,
  statusAnswer,
  SUCCESS,
  unauthorized,
  wrongDatacenter,
} from './answers.ts'
import { check } from './checks.ts'
import { mayEnter } from './credentials.ts'
import type { ArrivingRequest, Struck } from './faults.ts'
import type { Operated } from './ledger.ts'
import { BATCH_REFUSED_ABOVE_BYTES } from './limits.ts'
import type { Operation, Parsed } from './operations.ts'
import type { ResolvedOptions } from './options.ts'
import { TokenBucket } from './rate-limit.ts'
import type { Workspace } from './workspace.ts'

export interface Arrival {
  readonly request: ArrivingRequest
  readonly host: string
  readonly authorization: string | null
  readonly contentType: string | null
  readonly contentEncoding: string | null
  readonly bytes: number
  readonly parsed: Parsed
}

/** An answer and what became of each operation. */
export interface Done {
  readonly answer: Answer
  readonly operated: readonly Operated[]
}

export class TrackApi {
  readonly #workspace: Workspace
  readonly #bucket = new TokenBucket()

  constructor(workspace: Workspace) {
    this.#workspace = workspace
  }

  /** Answers and does the work. `calls` are the faults that look at each call. */
  handle(arrival: Arrival, options: ResolvedOptions, calls: Struck['calls']): Done {
    const refused = this.#atTheDoor(arrival, options)
    if (refused !== undefined) return { answer: refused, operated: untouched(arrival) }
    const { parsed, request } = arrival
    switch (parsed.kind) {
      case 'none':
        return { answer: jsonAnswer(200, regionOf(options.region)), operated: [] }
      case 'malformed':
        return { answer: malformed(dialectOf(arrival), parsed.problems), operated: [] }
      case 'operations':
        return request.route.name === 'batch'
          ? this.#batch(arrival, parsed.operations, options, calls)
          : this.#single(arrival, parsed.operations[0]!, options, calls)
      default:
        return unreachable(parsed)
    }
  }

  /** Whatever is refused before anyone reads the operations. */
  #atTheDoor(arrival: Arrival, options: ResolvedOptions): Answer | undefined {
    const { request } = arrival
    if (options.rateLimit !== null) {
      const nowMs = options.clock.monotonicMs()
      const waitMs = this.#bucket.take(nowMs, options.rateLimit.perSecond)
      if (waitMs > 0) {
        const header = retryAfterHeader(Math.ceil(waitMs / 1000), 'seconds', options.clock.wallMs())
        return statusAnswer(429, 'json', options.rateLimit.retryAfter === false ? undefined : header)
      }
    }
    if (request.route.name === 'unknown') return statusAnswer(request.route.status, 'json')
    const elsewhere = wrongHost(arrival, options)
    if (elsewhere !== undefined) return elsewhere
    if (needsAuth(request.route) && !mayEnter(arrival.authorization, options.siteId, options.apiKey)) {
      return unauthorized(options.unauthorizedAs)
    }
    if (arrival.contentEncoding !== null && arrival.contentEncoding !== 'identity') return statusAnswer(415, 'json')
    return options.strict ? (wrongContentType(arrival) ?? oversized(arrival, options)) : undefined
  }

  #single(arrival: Arrival, operation: Operation, options: ResolvedOptions, calls: Struck['calls']): Done {
    const { route } = arrival.request
    const { problems } = check(operation, dialectOf(arrival), options, calls)
    if (problems.length > 0) {
      // A form that is refused exists from then on all the same.
      if (route.name === 'form') this.#workspace.touchForm(route.formId)
      return { answer: refusal(400, dialectOf(arrival), problems), operated: untouched(arrival) }
    }
    const answer = route.name === 'form' ? NO_CONTENT : SUCCESS
    return { answer, operated: [this.#work(operation, options)] }
  }

  #batch(arrival: Arrival, operations: readonly Operation[], options: ResolvedOptions, calls: Struck['calls']): Done {
    const verdicts = operations.map((operation) => check(operation, 'v2', options, calls))
    const fatal = verdicts.find((verdict) => verdict.fatal)
    if (fatal !== undefined) return { answer: refusal(400, 'v2', fatal.problems), operated: untouched(arrival) }
    const errors: WireError[] = []
    const operated = operations.map((operation, index) => {
      const { problems } = verdicts[index]!
      if (problems.length === 0) return this.#work(operation, options)
      errors.push(...wireErrorsOf(problems, index))
      return untouchedOne(operation, null)
    })
    return { answer: errors.length === 0 ? SUCCESS : errorsAnswer(207, errors), operated }
  }

  #work(operation: Operation, options: ResolvedOptions): Operated {
    const { call, batchIndex } = operation
    const ignored = call === null ? null : this.#workspace.apply(call, options.clock.wallMs())
    return { call, batchIndex, person: null, applied: ignored === null, ignored }
  }
}

/** The operations of a request of which nothing was applied. */
export function untouched({ parsed, request }: Arrival): readonly Operated[] {
  if (parsed.kind !== 'operations') return []
  return parsed.operations.map((operation) => untouchedOne(operation, request.person))
}

function untouchedOne({ call, batchIndex }: Operation, person: string | null): Operated {
  return { call, batchIndex, person, applied: false, ignored: null }
}

function malformed(dialect: Dialect, problems: readonly Problem[]): Answer {
  return refusal(
    400,
    dialect,
    problems.map((problem) => inTheirWords(problem, dialect)),
  )
}

function dialectOf({ request }: Arrival): Dialect {
  return request.route.name === 'entity' || request.route.name === 'batch' ? 'v2' : 'v1'
}

function regionOf(region: Region): { readonly url: string; readonly region: Region; readonly environment_id: number } {
  return { url: trackHost(region), region, environment_id: 1 }
}

/** What one region's host answers to an account of the other; nothing on a host that is neither, nor to the region question. */
function wrongHost({ host, request }: Arrival, options: ResolvedOptions): Answer | undefined {
  const other: Region = options.region === 'us' ? 'eu' : 'us'
  if (host !== trackHost(other) || request.route.name === 'region') return undefined
  // "if your account is in the EU region and you send traffic to our US endpoints, we'll redirect it accordingly"
  if (options.region === 'us') return unauthorized(options.unauthorizedAs)
  return options.wrongRegion === 'serve' ? undefined : wrongDatacenter(trackHost('eu') + request.path)
}

/** "This endpoint requires a `Content-type: application/json` header": said of unsubscribe alone. */
function wrongContentType({ request, contentType }: Arrival): Answer | undefined {
  if (request.route.name !== 'unsubscribe' || contentType?.startsWith('application/json')) return undefined
  return metaAnswer(400, ['content type must be application/json'])
}

function oversized({ bytes, request }: Arrival, options: ResolvedOptions): Answer | undefined {
  const route = request.route.name
  const bytesMax = route === 'batch' ? BATCH_REFUSED_ABOVE_BYTES : route === 'entity' ? OPERATION_BYTES_MAX : Infinity
  if (bytes <= bytesMax) return undefined
  const message = `request must be smaller than ${bytesMax} bytes`
  return errorsAnswer(options.oversizedStatus, [{ reason: 'invalid', field: route, message }])
}
