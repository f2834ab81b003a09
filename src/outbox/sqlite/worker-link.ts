/**
 * The caller's end of the thread. Every call gets its answer or a typed error, also when the thread dies. The thread
 * keeps the process alive exactly as long as a call is under way.
 */
import { Worker } from 'node:worker_threads'

import { OutboxError, type HoldfastError } from '../../errors.ts'
import type { OutboxNotice } from '../outbox.ts'
import { unpackError, type FromWorker, type Request, type ToWorker, type WorkerSetup } from './wire.ts'

interface Call {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: HoldfastError) => void
}

export interface WorkerEvents {
  readonly notice: (notice: OutboxNotice) => void
  /** The thread ended although nobody told it to. */
  readonly died: () => void
}

/** From source the thread runs the source, from `dist` what was built. */
const entry = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

export class WorkerLink {
  readonly #worker: Worker
  readonly #path: string
  readonly #events: WorkerEvents
  #closing = false
  readonly #calls = new Map<number, Call>()
  readonly #ended: Promise<void>
  #lastCall = 0
  #dead: HoldfastError | undefined

  constructor(setup: WorkerSetup, events: WorkerEvents) {
    this.#path = setup.options.path
    this.#events = events
    // Node 22 warns that SQLite is experimental there; nothing else of the caller's flags concerns this thread.
    this.#worker = new Worker(entry, { workerData: setup, execArgv: ['--disable-warning=ExperimentalWarning'] })
    this.#worker.unref()
    this.#worker.on('message', (message: FromWorker) => this.#receive(message))
    this.#worker.on('messageerror', (error) => this.#die(error))
    this.#worker.on('error', (error) => this.#die(error))
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#die(undefined)
        resolve()
      })
    })
  }

  /** Whether the thread has ended; then every call fails. */
  get dead(): boolean {
    return this.#dead !== undefined
  }

  /** The answer, of the type that belongs to the request. */
  call<Answer>(request: Request): Promise<Answer> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    if (this.#calls.size === 0) this.#worker.ref()
    const call = ++this.#lastCall
    return new Promise<unknown>((resolve, reject) => {
      this.#calls.set(call, { resolve, reject })
      this.#worker.postMessage({ call, request } satisfies ToWorker)
    }) as Promise<Answer>
  }

  /** Closes the outbox and waits for the end of the thread. */
  async close(): Promise<void> {
    this.#closing = true
    await this.call({ kind: 'close' }).catch(() => {})
    this.#worker.ref()
    await this.#ended
  }

  /** Ends the thread as it is. What is under way fails. */
  async terminate(): Promise<void> {
    await this.#worker.terminate()
  }

  #receive(message: FromWorker): void {
    if ('notice' in message) {
      this.#events.notice(message.notice)
      return
    }
    const call = this.#calls.get(message.call)
    if (call === undefined) return
    this.#calls.delete(message.call)
    if (this.#calls.size === 0) this.#worker.unref()
    if ('error' in message) call.reject(unpackError(message.error))
    else call.resolve(message.value)
  }

  #die(cause: unknown): void {
    if (this.#dead !== undefined) return
    this.#dead = new OutboxError('OUTBOX_UNAVAILABLE', 'the thread of the outbox has ended', {
      path: this.#path,
      ...(cause === undefined ? {} : { cause }),
    })
    for (const call of this.#calls.values()) call.reject(this.#dead)
    this.#calls.clear()
    if (!this.#closing) this.#events.died()
  }
}
