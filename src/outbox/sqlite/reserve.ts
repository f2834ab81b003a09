/**
 * Room on the disk that is kept for settling: a file beside the outbox, of real bytes. When a write that must succeed
 * finds the disk full, the file is given up and the write tried again; until it could be made anew, appends are
 * refused, so that they do not eat the room. It holds no data of anyone.
 */
import { closeSync, constants, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

import { isOutOfRoom } from './failure.ts'

const CHUNK_BYTES = 1024 * 1024

export class Reserve {
  readonly #path: string
  readonly #bytes: number
  #kept = false

  constructor(path: string, bytes: number) {
    this.#path = path
    this.#bytes = bytes
  }

  /** Whether the room is kept; makes it where the disk has twice as much. Throws what is no lack of room. */
  keep(): boolean {
    if (this.#kept || this.#bytes === 0) return true
    try {
      this.#kept = this.#exists() || (this.#fits() && this.#make())
    } catch (error) {
      rmSync(this.#path, { force: true })
      if (!isOutOfRoom(error)) throw error
    }
    return this.#kept
  }

  /** Another process may have given it up. */
  recheck(): void {
    if (this.#kept && this.#bytes > 0) this.#kept = this.#exists()
  }

  /** Gives the room up. False when there was none. */
  spend(): boolean {
    this.#kept = false
    if (this.#bytes === 0 || !this.#exists()) return false
    rmSync(this.#path, { force: true })
    return true
  }

  #exists(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.size === this.#bytes
  }

  #fits(): boolean {
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    return bavail * bsize >= 2 * this.#bytes
  }

  #make(): boolean {
    const file = openSync(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o600)
    try {
      const noise = noiseOf(Math.min(CHUNK_BYTES, this.#bytes))
      for (let written = 0; written < this.#bytes;) {
        written += writeSync(file, noise, 0, Math.min(noise.length, this.#bytes - written), written)
      }
      return true
    } finally {
      closeSync(file)
    }
  }
}

/** Bytes that a compressing file system cannot make small. */
function noiseOf(bytes: number): Uint8Array {
  const noise = new Uint8Array(bytes)
  let word = 0x2545f491
  for (let index = 0; index < bytes; index++) {
    word ^= word << 13
    word ^= word >>> 17
    word ^= word << 5
    noise[index] = word
  }
  return noise
}
