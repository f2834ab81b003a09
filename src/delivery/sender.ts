/**
 * One attempt -> one outcome for each entry. Never throws, never tries again. Follows a redirect only where the
 * credentials may go, and reads a bounded part of the answer. One deadline covers connecting, redirects and the body;
 * nothing is written to a connection after it (`timely-body.ts`).
 */
import type { HttpParts } from '../protocol/encode.ts'
import { classify, classifyFailure, type Outcome } from '../protocol/outcome.ts'
import { redirectTarget } from '../protocol/redirect.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { timelyBody } from './timely-body.ts'

/** A 207 names each failed entry: some hundred bytes for each of a few hundred entries. */
const ANSWER_BYTES_MAX = 1_000_000

const EXCERPT_BYTES_MAX = 10_000

const REDIRECTS_MAX = 3

export interface Target {
  /** Scheme, host and any path before `/api/v1`, without a slash at the end. */
  readonly root: string
  readonly siteId: string
  readonly apiKey: string
  /** Sent with each request; the ones of the protocol win. */
  readonly headers: Readonly<Record<string, string>>
}

export interface Attempt {
  readonly outcomes: readonly Outcome[]
  /** Null when there was no answer. */
  readonly status: number | null
  /** The answer's text, as much as was read; null when there was no answer. May repeat what was sent. */
  readonly body: string | null
  readonly durationMs: number
}

export interface Sender {
  /** @param fromMs monotonic time from which `timeoutMs` runs. @defaultValue now */
  send(parts: HttpParts, entries: number, timeoutMs: number, signal: AbortSignal, fromMs?: number): Promise<Attempt>
  /** What may be kept of an answer's text: at most 10,000 bytes of it, and none of the credentials. */
  excerptOf(body: string): string
  /** The answer itself, for a question that is asked at once. Throws what `fetch` throws; see `isTimeout`. */
  ask(parts: HttpParts, timeoutMs: number, signal?: AbortSignal): Promise<Reply>
}

export interface Reply {
  readonly status: number
  /** As text, as much as is read of it. */
  readonly body: string
  /** The header, as it came. */
  readonly retryAfter: string | null
}

/** The end of an exchange's time, or of the exchange. */
interface Deadline {
  readonly signal: AbortSignal
  /** Ends the exchange and throws when its time is over, also where no timer has had a chance to say so. */
  check(): void
}

export function createSender(target: Target, runtime: Runtime): Sender {
  return new HttpSender(target, runtime)
}

class HttpSender implements Sender {
  readonly #target: Target
  readonly #runtime: Runtime
  readonly #authorization: string

  constructor(target: Target, runtime: Runtime) {
    this.#target = target
    this.#runtime = runtime
    this.#authorization = `Basic ${Buffer.from(`${target.siteId}:${target.apiKey}`, 'utf8').toString('base64')}`
  }

  async send(
    parts: HttpParts,
    entries: number,
    timeoutMs: number,
    signal: AbortSignal,
    fromMs?: number,
  ): Promise<Attempt> {
    const { clock } = this.#runtime
    const startedMs = clock.monotonicMs()
    const attempt = await this.#limited<Omit<Attempt, 'durationMs'>>(
      (fromMs ?? startedMs) + timeoutMs,
      signal,
      async (deadline) => {
        const { response, body } = await this.#exchange(parts, deadline)
        const { status, headers } = response
        const answer = { status, retryAfter: headers.get('retry-after'), body, nowWallMs: clock.wallMs() }
        return { outcomes: classify(answer, entries), status, body }
      },
      (error, why) => ({
        outcomes: Array.from({ length: entries }, () => classifyFailure(error, why)),
        status: null,
        body: null,
      }),
    )
    return { ...attempt, durationMs: clock.monotonicMs() - startedMs }
  }

  excerptOf(body: string): string {
    // A gateway's error page may print the request that it could not pass on.
    const secrets = [this.#authorization.slice('Basic '.length), this.#target.apiKey].filter(
      ({ length }) => length >= 8,
    )
    const text = secrets.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), body)
    return Buffer.byteLength(text) <= EXCERPT_BYTES_MAX
      ? text
      : new TextDecoder().decode(Buffer.from(text).subarray(0, EXCERPT_BYTES_MAX), { stream: true })
  }

  ask(parts: HttpParts, timeoutMs: number, signal?: AbortSignal): Promise<Reply> {
    return this.#limited(
      this.#runtime.clock.monotonicMs() + timeoutMs,
      signal,
      async (deadline) => {
        const { response, body } = await this.#exchange(parts, deadline)
        return { status: response.status, body, retryAfter: response.headers.get('retry-after') }
      },
      (error) => {
        throw error
      },
    )
  }

  async #exchange(parts: HttpParts, deadline: Deadline): Promise<{ response: Response; body: string }> {
    const headers = this.#headersOf(parts)
    const { method } = parts
    const { signal } = deadline
    const bytes = parts.body === undefined ? undefined : new TextEncoder().encode(parts.body)
    // Without it a body that is a stream would go in chunks.
    if (bytes !== undefined) headers.set('content-length', String(bytes.byteLength))
    let url = new URL(this.#target.root + parts.path)
    for (let hop = 0; ; hop++) {
      const body = bytes === undefined ? {} : timelyBody(bytes, () => deadline.check())
      const request = new Request(url, { method, headers, redirect: 'manual', signal, ...body })
      const response = await this.#runtime.fetch(request)
      const text = await readBounded(response)
      const next = redirectTarget({ status: response.status, location: response.headers.get('location') }, url)
      if (!next.follow || hop === REDIRECTS_MAX) return { response, body: text }
      url = next.url
    }
  }

  #headersOf(parts: HttpParts): Headers {
    const headers = new Headers(this.#target.headers)
    headers.set('accept', 'application/json')
    headers.delete('authorization')
    if (parts.body !== undefined) headers.set('content-type', 'application/json')
    if (parts.auth) headers.set('authorization', this.#authorization)
    return headers
  }

  /** Runs an exchange under a deadline; tells our timeout from the caller's abort. */
  async #limited<T>(
    endMs: number,
    outer: AbortSignal | undefined,
    run: (deadline: Deadline) => Promise<T>,
    failed: (error: unknown, why: { timedOut: boolean; aborted: boolean }) => T,
  ): Promise<T> {
    const controller = new AbortController()
    // The race ends the attempt also when a fetch of somebody else's does not listen to its signal.
    const ended = Promise.withResolvers<never>()
    let endedBy: Error | undefined
    const end = (reason: Error): void => {
      endedBy ??= reason
      controller.abort(reason)
      ended.reject(reason)
    }
    const onAbort = (): void => end(ABORTED)
    const { clock } = this.#runtime
    const cancel = clock.timer(Math.max(0, endMs - clock.monotonicMs()), () => end(TIMED_OUT))
    const check = (): void => {
      if (clock.monotonicMs() < endMs) return
      end(TIMED_OUT)
      throw TIMED_OUT
    }
    if (outer?.aborted) onAbort()
    outer?.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([run({ signal: controller.signal, check }), ended.promise])
    } catch (error) {
      return failed(error, { timedOut: endedBy === TIMED_OUT, aborted: endedBy === ABORTED })
    } finally {
      cancel()
      outer?.removeEventListener('abort', onAbort)
    }
  }
}

// Made once: a reason that is not given is a DOMException with a stack, which costs more than the rest of an attempt.
const TIMED_OUT = new Error('the attempt ran into its timeout')
const ABORTED = new Error('the attempt was aborted')

/** Whether what `ask` threw is the end of its own time. */
export function isTimeout(error: unknown): boolean {
  return error === TIMED_OUT
}

/** The text of an answer up to a bound; what lies beyond is not read and the connection is given up. */
async function readBounded(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    chunks.push(value)
    bytes += value.byteLength
    if (bytes > ANSWER_BYTES_MAX) {
      await reader.cancel()
      break
    }
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, ANSWER_BYTES_MAX)
}
