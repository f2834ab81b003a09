/**
 * The main thread's half of the SQLite outbox: it hands everything to the worker and waits for nothing itself.
 *
 * Group commit: the appends of one turn of the event loop go to the worker together; one group is under way, and what
 * arrives meanwhile is the next. So an fsync is shared by all who wait for one, and never blocks the caller's thread.
 *
 * The worker keeps the process alive only while something is under way. When it dies, everything under way is refused
 * with a typed error, and so is everything after it.
 */
import { Worker } from 'node:worker_threads'

import { type HoldfastError, isHoldfastError, OutboxError, OutboxFullError } from '../../errors.ts'
import { RETRY_FULL_MS } from '../limits.ts'
import type { AppendResult, NewEntry, Outbox, OutboxContext } from '../outbox.ts'
import {
  OPENING,
  type Question,
  receiveError,
  type Reply,
  type Request,
  type SentError,
  type WorkerInput,
} from './messages.ts'
import type { ResolvedSqliteOptions } from './options.ts'

const GROUP_ENTRIES_MAX = 2_000
const GROUP_CHARS_MAX = 4 * 1024 * 1024

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: HoldfastError) => void
}

interface AppendCall {
  readonly entries: readonly NewEntry[]
  readonly chars: number
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: HoldfastError) => void
}

export async function openThreadedOutbox(options: ResolvedSqliteOptions, context: OutboxContext): Promise<Outbox> {
  const threaded = new ThreadedOutbox(options, context)
  await threaded.opened
  return threaded
}

class ThreadedOutbox implements Outbox {
  readonly opened: Promise<unknown>
  readonly #options: ResolvedSqliteOptions
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #number = OPENING
  #queue: AppendCall[] = []
  #pendingChars = 0
  #isCommitting = false
  #isScheduled = false
  #failure: HoldfastError | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedSqliteOptions, context: OutboxContext) {
    this.#options = options
    const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
    const input: WorkerInput = { options, workspace: context.workspace }
    this.#worker = new Worker(file, { workerData: input, name: 'holdfast-outbox' })
    this.#worker.on('message', (reply: Reply) => this.#hear(reply, context))
    this.#worker.on('error', (cause) => this.#died(cause))
    this.#worker.on('exit', () => this.#died(undefined))
    this.opened = new Promise((resolve, reject) => this.#expect(OPENING, { resolve, reject }))
  }

  append(entries: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    let chars = 0
    for (const entry of entries) chars += entry.body.length
    const { maxPendingBytes } = this.#options
    if (this.#pendingChars > 0 && this.#pendingChars + chars > maxPendingBytes) {
      const details = { bound: 'pending', limit: maxPendingBytes, used: this.#pendingChars } as const
      return Promise.reject(new OutboxFullError({ ...details, retryAfterMs: RETRY_FULL_MS }))
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ entries, chars, resolve, reject })
      this.#pendingChars += chars
      this.#schedule()
    })
  }

  claim: Outbox['claim'] = (want) => this.#ask('claim', [want])
  renew: Outbox['renew'] = (leases, leaseMs) => this.#ask('renew', [leases, leaseMs])
  stats: Outbox['stats'] = () => this.#ask('stats', [])
  lookup: Outbox['lookup'] = (positions) => this.#ask('lookup', [positions])
  list: Outbox['list'] = (query) => this.#ask('list', [query])
  resolveDead: Outbox['resolveDead'] = (selection, how) => this.#ask('resolveDead', [selection, how])
  purge: Outbox['purge'] = (lane) => this.#ask('purge', [lane])
  settle: Outbox['settle'] = (settlements) => {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    return this.#send((number) => ({ type: 'settle', number, settlements }))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    while (this.#queue.length > 0 || this.#isCommitting) await new Promise((resolve) => setImmediate(resolve))
    if (this.#failure !== undefined) return
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve))
    await this.#send((number) => ({ type: 'ask', number, question: 'close', args: [] })).catch(() => {})
    this.#worker.ref()
    await exited
  }

  #refusal(): HoldfastError | undefined {
    if (this.#failure !== undefined) return this.#failure
    if (this.#closing === undefined) return undefined
    return new OutboxError('OUTBOX_CLOSED', 'the outbox is closed', { path: this.#options.path })
  }

  #ask<Result>(question: Question, args: readonly unknown[]): Promise<Result> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    return this.#send((number) => ({ type: 'ask', number, question, args }))
  }

  #send<Result>(request: (number: number) => Request): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const number = ++this.#number
    return new Promise((resolve, reject) => {
      this.#expect(number, { resolve, reject })
      this.#worker.postMessage(request(number))
    })
  }

  #expect(number: number, waiting: Waiting): void {
    if (this.#waiting.size === 0) this.#worker.ref()
    this.#waiting.set(number, waiting)
  }

  #hear(reply: Reply, context: OutboxContext): void {
    if (reply.type === 'notice') {
      context.notice(reply.notice)
      return
    }
    const waiting = this.#waiting.get(reply.number)
    this.#waiting.delete(reply.number)
    if (this.#waiting.size === 0) this.#worker.unref()
    if (reply.type === 'answer') waiting?.resolve(reply.value as never)
    else waiting?.reject(receiveError(reply.error))
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isCommitting || this.#queue.length === 0) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      void this.#commitGroup()
    })
  }

  async #commitGroup(): Promise<void> {
    if (this.#isCommitting || this.#queue.length === 0) return
    this.#isCommitting = true
    const group = this.#nextGroup()
    try {
      const calls = group.map((call) => call.entries)
      const answers = await this.#send<readonly (readonly AppendResult[] | SentError)[]>((number) => ({
        type: 'group',
        number,
        calls,
      }))
      for (const [index, call] of group.entries()) {
        const answer = answers[index]!
        if (isResults(answer)) call.resolve(answer)
        else call.reject(receiveError(answer))
      }
    } catch (error) {
      const failure = isHoldfastError(error)
        ? error
        : receiveError({ code: 'OUTBOX_UNAVAILABLE', message: 'the outbox failed' })
      for (const call of group) call.reject(failure)
    }
    for (const call of group) this.#pendingChars -= call.chars
    this.#isCommitting = false
    this.#schedule()
  }

  /** As many of the oldest calls as one commit takes; one call is never split. */
  #nextGroup(): readonly AppendCall[] {
    let entries = 0
    let chars = 0
    let count = 0
    for (const call of this.#queue) {
      entries += call.entries.length
      chars += call.chars
      if (count > 0 && (entries > GROUP_ENTRIES_MAX || chars > GROUP_CHARS_MAX)) break
      count++
    }
    if (count < this.#queue.length) return this.#queue.splice(0, count)
    const group = this.#queue
    this.#queue = []
    return group
  }

  #died(cause: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = new OutboxError(
      this.#closing === undefined ? 'OUTBOX_UNAVAILABLE' : 'OUTBOX_CLOSED',
      this.#closing === undefined ? 'the thread of the outbox ended' : 'the outbox is closed',
      { path: this.#options.path, cause },
    )
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure)
    this.#waiting.clear()
    for (const call of this.#queue.splice(0)) call.reject(this.#failure)
  }
}

function isResults(answer: readonly AppendResult[] | SentError): answer is readonly AppendResult[] {
  return Array.isArray(answer)
}
