/**
 * Random requests from a seed: valid Track requests, and what becomes of them by random headers, framings and bytes.
 * The same random gives the same bytes, cut into the same pieces.
 */
import { gzipSync } from 'node:zlib'

import type { Random } from '../../src/runtime/runtime.ts'
import { below, body, bytes, jsonText, pick } from './bodies.ts'

export interface FuzzCase {
  /** Written one after the other. */
  readonly pieces: readonly Buffer[]
  /** Nothing was spoiled: each request must be answered. */
  readonly answers: number | undefined
}

/** Each with a body that it would take; `?` stands for some value. */
const ROUTES = [
  ['PUT', '/api/v1/customers/42', '{"plan":?}'],
  ['DELETE', '/api/v1/customers/42', ''],
  ['POST', '/api/v1/customers/a%40b.c/events', '{"name":"order","data":{"a":?}}'],
  ['PUT', '/api/v1/customers/42/devices', '{"device":{"id":"d1","platform":"ios","attributes":{"a":?}}}'],
  ['DELETE', '/api/v1/customers/42/devices/d1', ''],
  ['POST', '/api/v1/customers/42/suppress', ''],
  ['POST', '/api/v1/events', '{"name":"order","anonymous_id":"a1","data":?}'],
  ['POST', '/api/v1/merge_customers', '{"primary":{"id":"1"},"secondary":{"email":"a@b.c"}}'],
  ['POST', '/api/v1/segments/7/add_customers', '{"ids":["1","2"]}'],
  ['POST', '/api/v2/entity', '{"type":"person","action":"identify","identifiers":{"id":"42"},"attributes":{"a":?}}'],
  [
    'POST',
    '/api/v2/batch',
    '{"batch":[{"type":"person","action":"event","identifiers":{"id":"42"},"name":"order","attributes":?},?]}',
  ],
  ['POST', '/push/events', '{"delivery_id":"d","event":"opened","device_id":"x","timestamp":1700000000}'],
  ['POST', '/unsubscribe/abc', '{"unsubscribe":true}'],
  ['GET', '/api/v1/accounts/region', ''],
  ['GET', '/healthz?verbose', ''],
  ['GET', '/metrics', ''],
  ['PATCH', '/nowhere', ''],
  ['GET', '/api/v1/customers/%2e%2e%2f%00', ''],
  ['POST', '/api/v1/customers/../../admin/events?x=%ff#y', '{"name":"order"}'],
] as const

const CREDENTIALS = 'Authorization: Basic c2l0ZTprZXk='

const HEADERS = [
  CREDENTIALS,
  'Authorization: Basic ____',
  'Authorization: Bearer x',
  'Authorization:',
  'Content-Type: application/json',
  'Content-Type: text/plain; charset=utf-16',
  'Content-Encoding: gzip',
  'Content-Encoding: br',
  'Accept-Encoding: *',
  'User-Agent: fuzz/1.0',
  'X-Retry-Count: 1',
  'X-Retry-Count: -1',
  'Idempotency-Key: k',
  'Cookie: a=b; __proto__=c',
  '__proto__: x',
  'constructor: x',
  'Forwarded: for=1.2.3.4',
  'Connection: close, te',
  'Connection: upgrade',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'Expect: nothing',
  'TE: trailers',
  'Trailer: x',
  'Host: other',
  'Content-Length: 5',
  'Content-Length: -1',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'X-Fold: a\r\n b',
  'Space : a',
  'X-Latin: \u00ff\u0080',
  'X-Nul: a\0b',
] as const

/** None of these changes how a request is read. */
const HARMLESS = HEADERS.slice(0, 16)

interface Parts {
  readonly method: string
  readonly path: string
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly chunked: boolean
}

export function fuzzCase(random: Random): FuzzCase {
  const roll = random()
  if (roll < 0.3) {
    const count = 1 + (random() < 0.2 ? below(random, 5) : 0)
    const all = Array.from({ length: count }, () => bytesOf(random, parts(random, HARMLESS)))
    return { pieces: cut(random, Buffer.concat(all)), answers: count }
  }
  const good = bytesOf(random, parts(random, roll < 0.6 ? HEADERS : HARMLESS))
  if (roll < 0.6) return { pieces: cut(random, good), answers: undefined }
  if (roll < 0.97) return { pieces: cut(random, spoil(random, good)), answers: undefined }
  return { pieces: cut(random, bytes(random, below(random, 2_000))), answers: undefined }
}

function parts(random: Random, from: readonly string[]): Parts {
  const [method, path, taken] = pick(random, ROUTES)
  // Most of them are let in, for what is behind the door to be met too.
  const first = random() < 0.8 ? ['Host: relay', CREDENTIALS] : ['Host: relay']
  const headers = [...first, ...Array.from({ length: below(random, 5) }, () => pick(random, from))]
  const plain = random() < 0.5 ? Buffer.from(taken.replaceAll('?', () => jsonText(random))) : body(random)
  const zipped = random() < 0.1 ? [...headers, 'Content-Encoding: gzip'] : undefined
  return {
    method,
    path,
    headers: zipped ?? headers,
    body: zipped === undefined ? plain : gzipSync(plain),
    chunked: random() < 0.3,
  }
}

function bytesOf(random: Random, { method, path, headers, body, chunked }: Parts): Buffer {
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
  const head = `${method} ${path.replace('#', '%23')} HTTP/1.1\r\n${[...headers, framing].join('\r\n')}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), chunked ? chunksOf(random, body) : body])
}

function chunksOf(random: Random, body: Buffer): Buffer {
  const chunks = cut(random, body)
    .filter(({ length }) => length > 0)
    .flatMap((piece) => {
      const extension = random() < 0.05 ? `;x=${'y'.repeat(below(random, 50))}` : ''
      return [Buffer.from(`${piece.length.toString(16)}${extension}\r\n`), piece, Buffer.from('\r\n')]
    })
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')])
}

/** Changes bytes here and there, more often in the head, where they mean more. */
function spoil(random: Random, good: Buffer): Buffer {
  let spoiled = good
  for (let left = 1 + below(random, 4); left > 0; left--) {
    const span = random() < 0.7 ? Math.min(spoiled.length, 300) : spoiled.length
    const at = below(random, Math.max(span, 1))
    spoiled = Buffer.concat(spoilAt(random, spoiled, at))
  }
  return spoiled
}

const SPECIAL = ['\r\n', '\n', '\r', '\0', ' ', '\t', ':', ',', ';', '\u00ff', '\r\n\r\n', '0\r\n\r\n'] as const

function spoilAt(random: Random, all: Buffer, at: number): Buffer[] {
  const before = all.subarray(0, at)
  switch (below(random, 6)) {
    case 0:
      return [before, Buffer.from([below(random, 256)]), all.subarray(at + 1)]
    case 1:
      return [before, all.subarray(at + 1 + below(random, 20))]
    case 2:
      return [before, Buffer.from(pick(random, SPECIAL), 'latin1'), all.subarray(at)]
    case 3:
      return [before, all.subarray(at, at + below(random, 60)), all.subarray(at)]
    case 4:
      return [before]
    default:
      return [before, bytes(random, below(random, 30)), all.subarray(at)]
  }
}

function cut(random: Random, all: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  let from = 0
  for (let left = random() < 0.6 ? 0 : below(random, 5); left > 0 && from < all.length; left--) {
    const to = from + 1 + below(random, all.length - from)
    pieces.push(all.subarray(from, to))
    from = to
  }
  return [...pieces, all.subarray(from)]
}
