/**
 * A file descriptor as a destination for the log. It is written by another thread, one piece at a time, so that a reader
 * who stands still, or a disk that is full, keeps nobody waiting. Lines beyond the bound, and those whose write failed,
 * are lost and counted.
 */
import { write } from 'node:fs'

import type { Destination } from '../logs/destination.ts'
import { type Clock, sleep } from '../runtime/clock.ts'

/** Text that waits for a slow reader. */
const WAITING_BYTES_MAX = 1_048_576
/** What one write gets. */
const PIECE_BYTES = 65_536
/** How soon a reader that was busy is tried again. */
const BUSY_MS = 100

type Write = (fd: number, bytes: Buffer, done: (error: NodeJS.ErrnoException | null, written: number) => void) => void

export interface LogOutputOptions {
  readonly clock: Clock
  /** @defaultValue 1, standard output */
  readonly fd?: number
  /** @defaultValue `fs.write` */
  readonly write?: Write
}

export function logOutput(options: LogOutputOptions): Destination {
  return new LogOutput(options)
}

class LogOutput implements Destination {
  readonly #clock: Clock
  readonly #fd: number
  readonly #write: Write
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #isWriting = false
  readonly #whenWritten = new Set<() => void>()
  lost = 0

  constructor(options: LogOutputOptions) {
    this.#clock = options.clock
    this.#fd = options.fd ?? 1
    this.#write = options.write ?? ((fd, bytes, done) => write(fd, bytes, done))
  }

  write(text: string): void {
    const bytes = Buffer.from(text)
    if (this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.lost++
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (!this.#isWriting) this.#next()
  }

  async flush(timeoutMs: number): Promise<void> {
    if (!this.#isWriting) return
    const enough = new AbortController()
    const written = new Promise<void>((resolve) => this.#whenWritten.add(resolve))
    await Promise.race([written, sleep(this.#clock, timeoutMs, enough.signal, 'held')])
    enough.abort()
  }

  #next(): void {
    const lines = this.#take()
    this.#isWriting = lines.length > 0
    if (this.#isWriting) {
      this.#piece(Buffer.concat(lines), lines.length)
      return
    }
    for (const done of this.#whenWritten) done()
    this.#whenWritten.clear()
  }

  /** @param lines that are lost with these bytes */
  #piece(bytes: Buffer, lines: number): void {
    this.#write(this.#fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') {
        this.#clock.timer(BUSY_MS, () => this.#piece(bytes, lines))
        return
      }
      if (error === null && written < bytes.length) {
        this.#piece(bytes.subarray(written), lines)
        return
      }
      if (error !== null) this.lost += lines
      this.#next()
    })
  }

  #take(): Buffer[] {
    let bytes = 0
    let lines = 0
    while (lines < this.#waiting.length && (lines === 0 || bytes + this.#waiting[lines]!.length <= PIECE_BYTES)) {
      bytes += this.#waiting[lines++]!.length
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, lines)
  }
}
