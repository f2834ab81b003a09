/** One kept connection to a relay, one request at a time. `node:http`, because `fetch` decides by itself how many connections there are. */
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as SecureAgent, request as httpsRequest } from 'node:https'

import type { Clock } from '../runtime/clock.ts'
import { memberOf } from '../runtime/network-error.ts'
import type { LoadEvent } from './traffic.ts'

export type Answered =
  | { readonly kind: 'answer'; readonly status: number; readonly retryAfter: string | null }
  /** No answer: the event may have been stored or not. */
  | { readonly kind: 'failed'; readonly reason: string }

export interface Connection {
  /** @param retries how often it was sent before; said in `X-Retry-Count`, as SDKs do */
  send(event: LoadEvent, retries: number): Promise<Answered>
  close(): void
}

export interface ConnectionOptions {
  readonly root: URL
  readonly authorization: string
  readonly timeoutMs: number
  readonly clock: Clock
}

/** No body of an answer is longer; only its end is waited for. */
const ANSWER_BYTES_MAX = 100_000

export function openConnection({ root, authorization, timeoutMs, clock }: ConnectionOptions): Connection {
  const isSecure = root.protocol === 'https:'
  const agent = isSecure
    ? new SecureAgent({ keepAlive: true, maxSockets: 1 })
    : new Agent({ keepAlive: true, maxSockets: 1 })
  const prefix = root.pathname.replace(/\/$/, '')

  function open({ path, body }: LoadEvent, retries: number): ClientRequest {
    const headers = {
      authorization,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(retries > 0 ? { 'x-retry-count': retries } : {}),
    }
    const options = { agent, method: 'POST', headers }
    const url = `${root.origin}${prefix}${path}`
    return isSecure ? httpsRequest(url, options) : httpRequest(url, options)
  }

  return {
    send(event, retries) {
      return new Promise((resolve) => {
        const outgoing = open(event, retries)
        const cancel = clock.timer(timeoutMs, () => outgoing.destroy(TIMED_OUT), 'held')
        const end = (answered: Answered): void => {
          cancel()
          resolve(answered)
        }
        outgoing.on('error', (error) => end({ kind: 'failed', reason: reasonOf(error) }))
        outgoing.on('response', (incoming) => receive(incoming, end))
        outgoing.end(event.body)
      })
    },
    close: () => agent.destroy(),
  }
}

function receive(incoming: IncomingMessage, end: (answered: Answered) => void): void {
  let bytes = 0
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength
    if (bytes > ANSWER_BYTES_MAX) incoming.destroy(new Error('the answer is too long'))
  })
  incoming.on('error', (error) => end({ kind: 'failed', reason: reasonOf(error) }))
  incoming.on('end', () => {
    const retryAfter = incoming.headers['retry-after'] ?? null
    end({ kind: 'answer', status: incoming.statusCode ?? 0, retryAfter })
  })
}

const TIMED_OUT = Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })

function reasonOf(error: Error): string {
  const code = memberOf(error, 'code')
  return typeof code === 'string' ? code : 'failed'
}
