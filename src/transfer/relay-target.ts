/**
 * Over HTTP to a relay. What v2 can say goes in batches, everything else in a request of its own. Each request carries an
 * `Idempotency-Key`, so that one whose answer was lost can be sent again.
 */
import { OptionsError, type Problem } from '../errors.ts'
import { batchIndexOf, errorsOf, parseBody, problemOfBody, problemOfError } from '../protocol/answer-body.ts'
import { encodeBatch, encodeCall, encodeItem, type HttpParts } from '../protocol/encode.ts'
import { assert } from '../runtime/assert.ts'
import { findInError, networkTroubleOf } from '../runtime/network-error.ts'
import { retryAfterMs } from '../runtime/retry-after.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { ImportTarget, Sent } from './import-target.ts'
import type { Unit } from './import-unit.ts'
import { keyOfLines } from './line-key.ts'

export interface RelayTargetOptions {
  /** Root of the relay, with or without `/api/v1` at its end. */
  readonly url: string
  readonly siteId: string
  readonly apiKey: string
  /** Of one request, in milliseconds. @defaultValue 30000 */
  readonly timeoutMs?: number
  readonly runtime: Runtime
}

const TIMEOUT_MS = 30_000

/** @throws OptionsError when the URL is none */
export function relayTarget(options: RelayTargetOptions): ImportTarget {
  const root = rootOf(options.url)
  const { siteId, apiKey, runtime, timeoutMs = TIMEOUT_MS } = options
  const authorization = `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`

  async function ask(parts: HttpParts, key: string): Promise<Answer> {
    const controller = new AbortController()
    const cancel = runtime.clock.timer(timeoutMs, () => controller.abort(TIMED_OUT), 'held')
    try {
      const request = new Request(root + parts.path, {
        method: parts.method,
        redirect: 'manual',
        signal: controller.signal,
        headers: {
          'idempotency-key': key,
          ...(parts.auth ? { authorization } : {}),
          ...(parts.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(parts.body === undefined ? {} : { body: parts.body }),
      })
      const response = await runtime.fetch(request)
      const retryAfter = retryAfterMs(response.headers.get('retry-after'), runtime.clock.wallMs())
      return { status: response.status, body: await response.text(), retryAfter }
    } catch (error) {
      return { failed: failureWord(error) }
    } finally {
      cancel()
    }
  }

  async function send(unit: Unit): Promise<Sent> {
    const [first] = unit.items
    if (first === undefined) return { kind: 'stored', duplicates: 0, refused: [] }
    const isBatch = unit.items.length > 1
    const parts = isBatch ? encodeBatch(unit.items.map(({ call }) => encodeItem(call))) : encodeCall(first.call)
    const answer = await ask(parts, unit.key)
    const sent = judge(answer, unit.items.length)
    // One of them makes all of them refused: each by itself tells which.
    return sent === 'whole-batch' ? sendSingly(unit) : sent
  }

  async function sendSingly(unit: Unit): Promise<Sent> {
    const refused: { readonly index: number; readonly problems: readonly Problem[] }[] = []
    for (const [index, item] of unit.items.entries()) {
      const sent = judge(await ask(encodeCall(item.call), keyOfLines([item.key])), 1)
      assert(sent !== 'whole-batch', 'an operation by itself is no batch')
      if (sent.kind !== 'stored') return sent
      for (const { problems } of sent.refused) refused.push({ index, problems })
    }
    return { kind: 'stored', duplicates: null, refused }
  }

  return { name: root, to: 'relay', send, close: () => Promise.resolve() }
}

type Answer =
  | { readonly status: number; readonly body: string; readonly retryAfter: number | undefined }
  | { readonly failed: string }

const TIMED_OUT = Object.assign(new Error('no answer in time'), { name: 'TimeoutError' })

/** What an answer says of so many operations; `whole-batch` where it says that something in it is wrong, but not what. */
export function judge(answer: Answer, operations: number): Sent | 'whole-batch' {
  if ('failed' in answer) return { kind: 'later', afterMs: undefined, reason: answer.failed }
  const { status, body, retryAfter } = answer
  if (status >= 200 && status < 300) return stored(body, operations)
  const reason = `status ${status}`
  switch (status) {
    case 401:
      return {
        kind: 'refused',
        why: 'unauthenticated',
        reason: 'the relay does not know these credentials (status 401)',
      }
    case 403:
      return { kind: 'refused', why: 'forbidden', reason: 'these credentials may not store there (status 403)' }
    case 404:
    case 405:
      return { kind: 'refused', why: 'api', reason: `no Track API answers there (status ${status})` }
    case 400:
    case 413:
    case 422:
      return operations > 1
        ? 'whole-batch'
        : { kind: 'stored', duplicates: 0, refused: [{ index: 0, problems: [problemOf(body, status)] }] }
    default:
      if (status >= 300 && status < 400)
        return { kind: 'refused', why: 'api', reason: `it redirects (status ${status})` }
      return { kind: 'later', afterMs: retryAfter, reason }
  }
}

/** A 207, and also a 200, may name items that were refused. */
function stored(body: string, operations: number): Sent {
  const problems = new Map<number, Problem[]>()
  for (const error of errorsOf(parseBody(body)) ?? []) {
    const index = operations === 1 ? 0 : batchIndexOf(error)
    if (index === undefined || index < 0 || index >= operations) continue
    const problem = problemOfError(error) ?? { field: 'request', reason: 'refused', message: 'was refused' }
    problems.set(index, [...(problems.get(index) ?? []), problem])
  }
  const refused = [...problems].map(([index, some]) => ({ index, problems: some })).sort((a, b) => a.index - b.index)
  return { kind: 'stored', duplicates: null, refused }
}

function problemOf(body: string, status: number): Problem {
  return problemOfBody(body) ?? { field: 'request', reason: 'refused', message: `was refused with status ${status}` }
}

const WORDS: Readonly<Record<string, string>> = {
  timeout: 'does not answer in time',
  refused: 'refuses connections',
  reset: 'breaks connections',
  dns: 'has a name that is not found',
  tls: 'cannot be spoken to over TLS',
  network: 'cannot be reached',
  'bad-answer': 'does not answer as HTTP does',
}

function failureWord(error: unknown): string {
  const trouble = findInError(error, networkTroubleOf)
  return `the relay ${WORDS[trouble?.reason ?? 'network'] ?? 'cannot be reached'}`
}

function rootOf(text: string): string {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new OptionsError('url', 'must be an http or https URL, as http://127.0.0.1:8484')
  }
  if (url.username !== '' || url.password !== '') throw new OptionsError('url', 'must not hold credentials')
  return `${url.origin}${url.pathname.replace(/(?:\/api\/v[12])?\/*$/, '')}`
}
