/**
 * One request from its arrival to its answer: target, route, credentials; then the body; then, in the connection's order,
 * the outbox. Whatever costs something comes after what can refuse it.
 */
import { hash } from 'node:crypto'

import type { CallOptions } from '../client/intake.ts'
import { codeOf, isHoldfastError, OutboxFullError, type Problem, ValidationError } from '../errors.ts'
import type { RelayResult } from '../observe/relay-events.ts'
import type { Dialect } from '../protocol/call.ts'
import type { Decoded } from '../protocol/decode.ts'
import { needsAuth, type Route } from '../protocol/route.ts'
import { traceOf } from '../protocol/trace-context.ts'
import { unreachable } from '../runtime/assert.ts'
import {
  acceptedAnswer,
  invalidAnswer,
  laterAnswer,
  partialBody,
  plainAnswer,
  refusalAnswer,
  type RelayAnswer,
  requestProblem,
  unauthorizedAnswer,
} from './answers.ts'
import { type Body, readBody } from './body.ts'
import type { RequestArrival } from './arrival.ts'
import type { Budget } from './budget.ts'
import { callsOf, type StoredRoute, wrongContentType } from './calls.ts'
import type { Keyring } from './credentials.ts'
import type { RelaySettings } from './options.ts'
import type { Turn } from './order.ts'
import type { Acceptance, Accepted, Identity, Retries } from './retries.ts'
import { dialectOfTarget, methodsOf, problemOfTarget, routeOfTarget, targetOfUrl } from './target.ts'
import type { Workspace } from './workspace.ts'

/** What the answering of all requests has in common. */
export interface AnsweringParts {
  readonly settings: Pick<RelaySettings, 'bodyBytesMax' | 'inFlightMax' | 'openWaitMs'>
  readonly budget: Budget
  readonly retries: Retries
  readonly keyring: () => Keyring
  readonly workspace: (name: string) => Workspace | undefined
  /** Whose requests without credentials are; undefined where nobody can know. */
  readonly openWorkspace: () => string | undefined
  readonly isDraining: () => boolean
  readonly underWay: () => number
}

/** What is known of a request when it is answered. */
export interface Answered {
  readonly answer: RelayAnswer
  readonly workspace: string | null
  readonly route: string
  readonly bytes: number
  /** To be told whether the answer could be written. */
  readonly acceptance: Acceptance | undefined
}

const BUSY_MS = 1_000
const OPENING_MS = 1_000
const DRAINING_MS = 1_000
const CANNOT_STORE_MS = 5_000

export class Answering {
  readonly #parts: AnsweringParts
  readonly #request: Request
  readonly #turn: Turn
  readonly #target: string
  readonly #connection: object | undefined
  readonly #headers: Pick<Headers, 'get'>
  readonly #overHttp: boolean
  readonly #dialect: Dialect
  #route = 'unknown'
  #workspace: Workspace | undefined
  #bytes = 0
  #taken = 0
  #acceptance: Acceptance | undefined

  constructor(parts: AnsweringParts, request: Request, turn: Turn, arrival: RequestArrival) {
    this.#parts = parts
    this.#request = request
    this.#turn = turn
    this.#connection = arrival.connection
    this.#headers = arrival.headers ?? request.headers
    this.#overHttp = arrival.target !== undefined
    this.#target = arrival.target ?? targetOfUrl(request.url)
    this.#dialect = dialectOfTarget(this.#target)
  }

  /** Never rejects. Passes the turn. */
  async run(): Promise<Answered> {
    let answer: RelayAnswer
    try {
      answer = await this.#answer()
    } catch (error) {
      answer = this.#failed(error)
    } finally {
      this.#turn.pass()
      this.#workspace?.leave()
      if (this.#taken > 0) this.#parts.budget.give(this.#taken)
    }
    const workspace = this.#workspace?.name ?? null
    return { answer, workspace, route: this.#route, bytes: this.#bytes, acceptance: this.#acceptance }
  }

  #answer(): RelayAnswer | Promise<RelayAnswer> {
    const { method } = this.#request
    const wrong = problemOfTarget(this.#target)
    if (wrong !== undefined) return this.#refusal(400, 'invalid', wrong)
    const route = routeOfTarget(method, this.#target)
    if (route.name === 'unknown') {
      if (route.status === 404) return this.#refusal(404, 'unknown-route', 'not found')
      const allow = methodsOf(this.#target).join(', ')
      return this.#refusal(405, 'unknown-route', 'method not allowed', { allow })
    }
    this.#route = route.name
    this.#workspace = this.#enter(route, this.#headers.get('authorization'))
    if (this.#workspace === undefined) return unauthorizedAnswer()
    this.#workspace.enter()
    if (this.#parts.isDraining()) return this.#draining()
    if (route.name === 'region') return plainAnswer(this.#workspace.region())
    return this.#take(this.#workspace, route)
  }

  #enter(route: Route, authorization: string | null): Workspace | undefined {
    const { keyring, openWorkspace, workspace } = this.#parts
    const mayComeWithout = authorization === null && !needsAuth(route)
    const name = mayComeWithout ? openWorkspace() : keyring().workspaceOf(authorization ?? '', this.#connection)
    return name === undefined ? undefined : workspace(name)
  }

  async #take(workspace: Workspace, route: StoredRoute): Promise<RelayAnswer> {
    const { settings, budget, underWay } = this.#parts
    if (underWay() > settings.inFlightMax) return this.#turnedAway(workspace, 'too many requests are under way')
    const body = await readBody(this.#request, {
      headers: this.#headers,
      bytesMax: settings.bodyBytesMax,
      budget,
      taken: (bytes) => (this.#taken += bytes),
      overHttp: this.#overHttp,
    })
    this.#bytes = body.bytes
    if (!body.ok) return this.#unread(workspace, body)
    const wrong = wrongContentType(this.#headers, route, body.text)
    if (wrong !== undefined) return this.#refusal(wrong.status, 'invalid', wrong.message)
    const calls = callsOf(route, body.text)
    if ('problems' in calls) return invalidAnswer(this.#dialect, calls.problems)
    return this.#storeInOrder(workspace, calls, body.text)
  }

  async #storeInOrder(workspace: Workspace, calls: readonly Decoded[], text: string): Promise<RelayAnswer> {
    const idempotencyKey = this.#headers.get('idempotency-key')
    const attempt = attemptOf(this.#headers.get('x-retry-count'))
    const identity: Identity | undefined =
      idempotencyKey === null
        ? { content: this.#digest(workspace, text), head: attempt === 0 ? '' : this.#head(workspace), attempt }
        : undefined
    const isOpen = workspace.isOpen || (await workspace.opened(this.#parts.settings.openWaitMs))
    if (!isOpen) {
      // A retry may be of what was stored before the start; only a first attempt is surely of nothing.
      if (identity !== undefined && attempt === 0) this.#parts.retries.refused(identity)
      return laterAnswer(503, this.#dialect, 'cannot-store', 'the outbox is not open yet', OPENING_MS)
    }
    const begun = this.#turn.begun()
    if (begun !== undefined) await begun
    if (identity === undefined) {
      return this.#store(workspace, calls, { idempotencyKey: idempotencyKey ?? '' }, undefined)
    }
    if (attempt === 0) return this.#store(workspace, calls, {}, this.#parts.retries.begin(identity))
    return this.#retry(workspace, calls, identity)
  }

  /** A retry is answered as what it is a retry of, if that was accepted. */
  async #retry(workspace: Workspace, calls: readonly Decoded[], identity: Identity): Promise<RelayAnswer> {
    const { retries } = this.#parts
    const survivors = await workspace.survivors()
    while (!retries.isNew(identity)) {
      const earlier = retries.earlier(identity)
      if (earlier === undefined) {
        const ids = calls.map((decoded) => (decoded.ok ? survivors.idOf(decoded.call, identity.attempt) : undefined))
        return this.#store(workspace, calls, {}, retries.begin(identity), ids)
      }
      const accepted = await earlier.accepted
      if (accepted === undefined) continue
      this.#acceptance = earlier
      return acceptedAnswer(accepted, this.#route === 'batch', accepted.operations)
    }
    return this.#store(workspace, calls, {}, retries.begin(identity))
  }

  /** @param ids of calls that are stored already, by their place. */
  async #store(
    workspace: Workspace,
    calls: readonly Decoded[],
    options: CallOptions,
    acceptance: Acceptance | undefined,
    ids: readonly (string | undefined)[] = [],
  ): Promise<RelayAnswer> {
    try {
      while (workspace.swapping !== undefined) await workspace.swapping
      const trace = traceOf(this.#headers)
      const withTrace = trace === undefined ? options : { ...options, trace }
      const storing =
        this.#route === 'batch'
          ? this.#storeBatch(workspace, calls, withTrace, ids)
          : this.#storeCall(workspace, calls[0]!, withTrace, ids[0])
      this.#turn.pass()
      const { accepted, duplicates } = await storing
      if (accepted.operations > 0) {
        acceptance?.stored(accepted)
        this.#acceptance = acceptance
      } else acceptance?.invalid()
      return acceptedAnswer(accepted, this.#route === 'batch', duplicates)
    } catch (error) {
      if (error instanceof ValidationError) acceptance?.invalid()
      else acceptance?.refused()
      throw error
    }
  }

  async #storeCall(
    workspace: Workspace,
    call: Decoded,
    options: CallOptions,
    id: string | undefined,
  ): Promise<Storing> {
    if (id !== undefined) return { accepted: { status: 200, id, operations: 1, body: null }, duplicates: 1 }
    const receipt = await workspace.store((client) => client.storeCall(call, options))
    const accepted = { status: 200, id: receipt.id, operations: 1, body: null }
    return { accepted, duplicates: receipt.state === 'duplicate' ? 1 : 0 }
  }

  async #storeBatch(
    workspace: Workspace,
    calls: readonly Decoded[],
    options: CallOptions,
    ids: readonly (string | undefined)[],
  ): Promise<Storing> {
    const places = calls.flatMap((_, index) => (ids[index] === undefined ? [index] : []))
    const known = ids.filter((id) => id !== undefined)
    if (places.length === 0) {
      const accepted = { status: 200, id: known[0] ?? '', operations: known.length, body: null }
      return { accepted, duplicates: known.length }
    }
    const missing = known.length === 0 ? calls : places.map((index) => calls[index]!)
    const receipt = await workspace.store((client) => client.storeBatch(missing, options))
    const refused = receipt.refused.map(({ index, problems }) => ({ index: places[index]!, problems }))
    const duplicates = receipt.operations.filter(({ state }) => state === 'duplicate').length + known.length
    const accepted: Accepted = {
      status: refused.length === 0 ? 200 : 207,
      id: firstOf(ids, receipt.operations[0]?.id),
      operations: receipt.operations.length + known.length,
      body: refused.length === 0 ? null : partialBody(refused),
    }
    return { accepted, duplicates }
  }

  #failed(error: unknown): RelayAnswer {
    if (error instanceof ValidationError) return invalidAnswer(this.#dialect, error.problems.map(asHeader))
    if (error instanceof OutboxFullError) {
      return laterAnswer(429, this.#dialect, 'full', 'the outbox is full', error.retryAfterMs)
    }
    if (codeOf(error) === 'CLIENT_CLOSED') return this.#draining()
    const why = isHoldfastError(error) ? ` (${error.code})` : ''
    return laterAnswer(503, this.#dialect, 'cannot-store', `the request cannot be stored now${why}`, CANNOT_STORE_MS)
  }

  #unread(workspace: Workspace, body: Extract<Body, { readonly ok: false }>): RelayAnswer {
    const { bodyBytesMax } = this.#parts.settings
    switch (body.why) {
      case 'busy':
        return this.#turnedAway(workspace, 'too many bytes are under way')
      case 'aborted':
        this.#countAsTurnedAway(workspace)
        return this.#refusal(400, 'aborted', 'the request broke off')
      case 'too-large':
        return this.#refusal(
          413,
          'too-large',
          `the body is larger than ${bodyBytesMax} bytes, or its packing hides that`,
        )
      case 'encoding': {
        const headers = { 'accept-encoding': 'gzip, deflate' }
        return this.#refusal(415, 'invalid', 'the content encoding must be gzip, deflate or identity', headers)
      }
      case 'length':
        return this.#refusal(400, 'invalid', 'the content length is no number')
      case 'unpack':
        return this.#refusal(400, 'invalid', 'the body is not packed as its content encoding says')
      case 'utf8':
        return this.#refusal(400, 'invalid', 'the body is not valid UTF-8')
      default:
        return unreachable(body.why)
    }
  }

  #draining(): RelayAnswer {
    const answer = laterAnswer(503, this.#dialect, 'draining', 'the relay is stopping', DRAINING_MS)
    return { ...answer, headers: { ...answer.headers, connection: 'close' } }
  }

  #turnedAway(workspace: Workspace, message: string): RelayAnswer {
    this.#countAsTurnedAway(workspace)
    return laterAnswer(503, this.#dialect, 'busy', message, BUSY_MS)
  }

  #countAsTurnedAway(workspace: Workspace): void {
    const attempt = attemptOf(this.#headers.get('x-retry-count'))
    this.#parts.retries.turnedAway({ head: this.#head(workspace), attempt })
  }

  #refusal(
    status: number,
    result: RelayResult,
    message: string,
    headers?: Readonly<Record<string, string>>,
  ): RelayAnswer {
    return refusalAnswer(status, this.#dialect, result, requestProblem(message), headers)
  }

  /** What is known of a request before its body. */
  #head(workspace: Workspace): string {
    const length = this.#headers.get('content-length') ?? ''
    return this.#digest(workspace, `length ${length}`, 'head')
  }

  #digest({ name }: Workspace, text: string, what: string = 'content'): string {
    return hash('sha256', `${what}\n${name}\n${this.#request.method} ${this.#target}\n${text}`, 'base64')
  }
}

interface Storing {
  readonly accepted: Accepted
  readonly duplicates: number
}

/** 0 for a first attempt, and for what is no number. */
function attemptOf(header: string | null): number {
  return header !== null && /^\d{1,4}$/.test(header) ? Number(header) : 0
}

/** Of the ids by place and that of the first newly stored one, which has the first free place, the first. */
function firstOf(ids: readonly (string | undefined)[], stored: string | undefined): string {
  return ids[0] ?? stored ?? ids.find((id) => id !== undefined) ?? ''
}

/** The one option that comes from a header. */
function asHeader(problem: Problem): Problem {
  return problem.field === 'options.idempotencyKey' ? { ...problem, field: 'Idempotency-Key' } : problem
}
