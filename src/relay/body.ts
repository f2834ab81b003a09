/**
 * A request's body as text: read up to a bound, unpacked up to the same bound, and only if it is UTF-8. What a body can
 * cost is bounded whatever it claims to be.
 */
import { gunzip, inflate, inflateRaw } from 'node:zlib'

import type { Budget } from './budget.ts'

export type Body =
  /** `bytes` as they came over the wire. */
  | { readonly ok: true; readonly text: string; readonly bytes: number }
  | {
      readonly ok: false
      /** `busy`: there is no room for it now. `aborted`: it never became whole. */
      readonly why: 'too-large' | 'busy' | 'aborted' | 'length' | 'encoding' | 'unpack' | 'utf8'
      readonly bytes: number
    }

export interface BodyOptions {
  readonly headers: Pick<Headers, 'get'>
  readonly bytesMax: number
  /** What is taken from it is told to `taken`, and given back by the caller. */
  readonly budget: Budget
  readonly taken: (bytes: number) => void
  /** Whether only a header can announce a body. A `Request` of this process carries one without. */
  readonly overHttp: boolean
}

type Bytes = { readonly bytes: Buffer } | Extract<Body, { readonly ok: false }>

type Coding = 'identity' | 'gzip' | 'deflate'

const NOTHING = Buffer.alloc(0)

/** JSON shrinks to a tenth, repetitive JSON to a fiftieth. What claims to be a thousand times larger is no JSON. */
const RATIO_MAX = 200
/** Up to here the ratio does not matter. */
const UNPACKED_BYTES_FREE = 65_536

/** Never rejects. */
export async function readBody(request: Request, options: BodyOptions): Promise<Body> {
  const coding = codingOf(options.headers.get('content-encoding'))
  if (coding === undefined) return refused('encoding')
  const packed = await readBytes(request, options)
  if ('why' in packed) return packed
  const { length } = packed.bytes
  if (length === 0) return { ok: true, text: '', bytes: 0 }
  const unpacked = coding === 'identity' ? packed : await unpack(packed.bytes, coding, options)
  if ('why' in unpacked) return { ...unpacked, bytes: length }
  const text = textOf(unpacked.bytes)
  return text === undefined ? refused('utf8', length) : { ok: true, text, bytes: length }
}

function refused(why: Extract<Body, { readonly ok: false }>['why'], bytes = 0): Extract<Body, { readonly ok: false }> {
  return { ok: false, why, bytes }
}

function codingOf(header: string | null): Coding | undefined {
  switch (header?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return 'identity'
    case 'gzip':
    case 'x-gzip':
      return 'gzip'
    case 'deflate':
      return 'deflate'
    default:
      return undefined
  }
}

async function readBytes(
  request: Request,
  { headers, bytesMax, budget, taken, overHttp }: BodyOptions,
): Promise<Bytes> {
  const announced = headers.get('content-length')
  if (announced !== null && !/^\d{1,15}$/.test(announced)) return refused('length')
  const length = Number(announced ?? 0)
  if (length > bytesMax) return refused('too-large', length)
  if (length === 0) {
    const mayCarry = overHttp ? headers.get('transfer-encoding') !== null : request.body !== null
    return mayCarry ? readChunks(request, { bytesMax, budget, taken }) : { bytes: NOTHING }
  }
  if (!budget.take(length)) return refused('busy')
  taken(length)
  try {
    const bytes = Buffer.from(await request.arrayBuffer())
    return bytes.length > bytesMax ? refused('too-large', bytes.length) : { bytes }
  } catch {
    return refused('aborted')
  }
}

async function readChunks(
  { body, signal }: Request,
  { bytesMax, budget, taken }: Pick<BodyOptions, 'bytesMax' | 'budget' | 'taken'>,
): Promise<Bytes> {
  if (body === null) return { bytes: NOTHING }
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = body.getReader()
  const end = (): void => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', end, { once: true })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return signal.aborted ? refused('aborted', length) : { bytes: Buffer.concat(chunks) }
      length += value.byteLength
      if (length > bytesMax) return refused('too-large', length)
      if (!budget.take(value.byteLength)) return refused('busy', length)
      taken(value.byteLength)
      chunks.push(value)
    }
  } catch {
    return refused('aborted', length)
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}

async function unpack(packed: Buffer, coding: Coding, { bytesMax, budget, taken }: BodyOptions): Promise<Bytes> {
  const maxOutputLength = Math.min(bytesMax, Math.max(UNPACKED_BYTES_FREE, packed.length * RATIO_MAX))
  // Some clients write `deflate` without the head that the standard gives it.
  const isRaw = coding === 'deflate' && (packed[0]! & 0x0f) !== 8
  try {
    const unpackWith = coding === 'gzip' ? gunzip : isRaw ? inflateRaw : inflate
    const bytes = await new Promise<Buffer>((resolve, reject) =>
      unpackWith(packed, { maxOutputLength }, (error, unpacked) =>
        error === null ? resolve(unpacked) : reject(error),
      ),
    )
    if (!budget.take(bytes.length)) return refused('busy')
    taken(bytes.length)
    return { bytes }
  } catch (error) {
    return refused(Reflect.get(Object(error), 'code') === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'unpack')
  }
}

/** Undefined for what is no UTF-8. The cheap decoder says so by a character that a text may also hold by itself. */
function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8')
  if (!text.includes('\uFFFD')) return text
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text
  } catch {
    return undefined
  }
}
