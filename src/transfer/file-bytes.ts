/** The bytes of a file, from any place of it, unpacked where it is a `.gz`; and what identifies its content. */
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

import { TransferError } from './transfer-error.ts'

export interface OpenBytes {
  readonly chunks: AsyncIterable<Buffer>
  /** Bytes of the file that have been read, packed ones where it is packed. */
  readonly read: () => number
  readonly close: () => void
}

export interface FileIdentity {
  /** SHA-256 of the whole content, in hex. */
  readonly hash: string
  readonly bytes: number
}

const CHUNK_BYTES = 256 * 1024

export function isPacked(path: string): boolean {
  return path.endsWith('.gz')
}

/** @param offset in the unpacked bytes. A packed file has to be unpacked up to there. */
export function openBytes(path: string, offset: number): OpenBytes {
  const packed = isPacked(path)
  const file = createReadStream(path, { start: packed ? 0 : offset, highWaterMark: CHUNK_BYTES })
  let stream: Readable = file
  // The error reaches whoever reads the chunks.
  if (packed) stream = pipeline(file, createGunzip(), () => {})
  return {
    chunks: chunksOf(stream, packed ? offset : 0, path),
    read: () => file.bytesRead + (packed ? 0 : offset),
    close: () => {
      stream.destroy()
      file.destroy()
    },
  }
}

async function* chunksOf(stream: Readable, skip: number, path: string): AsyncGenerator<Buffer> {
  let left = skip
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (left >= chunk.byteLength) {
        left -= chunk.byteLength
        continue
      }
      yield left > 0 ? chunk.subarray(left) : chunk
      left = 0
    }
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

/** Reads all of it once. The name of the file and its times are no part of what it is. */
export async function identityOf(path: string): Promise<FileIdentity> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    if (!statSync(path).isFile()) throw new TransferError('FILE_UNREADABLE', `${path} is no file`)
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.byteLength
    }
  } catch (cause) {
    throw unreadable(path, cause)
  }
  return { hash: hash.digest('hex'), bytes }
}

function unreadable(path: string, cause: unknown): TransferError {
  if (cause instanceof TransferError) return cause
  const code = String(Reflect.get(Object(cause), 'code') ?? 'unknown')
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'no permission to read it',
    EISDIR: 'it is a folder',
    Z_DATA_ERROR: 'it is not packed with gzip, or damaged',
    Z_BUF_ERROR: 'its packed data ends too early',
  }
  return new TransferError('FILE_UNREADABLE', `${path} cannot be read: ${words[code] ?? code}`, cause)
}
