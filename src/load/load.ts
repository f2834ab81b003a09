/**
 * A load: so many connections, each with its own people, each person's events one after the other. A rate is kept by
 * schedule: an event that waits for its turn because answers are slow counts that wait in its latency.
 */
import { OptionsError } from '../errors.ts'
import { type Clock, sleep } from '../runtime/clock.ts'
import { retryAfterMs } from '../runtime/retry-after.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Account } from './account.ts'
import { type Connection, openConnection } from './connection.ts'
import { Histogram, type Percentiles } from './histogram.ts'
import { loadEvent } from './traffic.ts'

export interface LoadOptions {
  /** Root of the relay, with or without `/api/v1` at its end. */
  readonly url: string
  readonly siteId: string
  readonly apiKey: string
  readonly connections: number
  readonly people: number
  /** Ends after so many events, or so much time, whichever is first. */
  readonly count: number
  readonly durationMs: number
  /** Events a second over all connections; `Infinity` for as fast as possible. */
  readonly perSecond: number
  /** Bytes of data beside the number. */
  readonly paddingBytes: number
  /** Send again what got 429, 5xx or no answer, as an SDK would; otherwise it is counted and left. */
  readonly retry: boolean
  readonly timeoutMs: number
  readonly run: string
  readonly account: Account
  readonly runtime: Runtime
  readonly signal: AbortSignal
}

export interface LoadResult {
  readonly sent: number
  readonly accepted: number
  /** Refused for good, or given up. */
  readonly refused: number
  readonly retries: number
  /** Answers by status, and failures by word. */
  readonly answers: Readonly<Record<string, number>>
  readonly seconds: number
  readonly perSecond: number
  /** Of answers 2xx, from when the event was due. */
  readonly latency: Percentiles
}

const ATTEMPTS_MAX = 10
const RETRY_BASE_MS = 100
const RETRY_CAP_MS = 5_000

/** @throws OptionsError when the URL is none, or there are more connections than people */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const root = URL.parse(options.url.replace(/\/api\/v[12]\/*$/, ''))
  if (root === null || (root.protocol !== 'http:' && root.protocol !== 'https:')) {
    throw new OptionsError('url', 'must be an http or https URL, as http://127.0.0.1:8484')
  }
  if (options.people < options.connections) throw new OptionsError('people', 'must be as many as connections at least')
  return new Load(options, root).run()
}

class Load {
  readonly #options: LoadOptions
  readonly #root: URL
  readonly #clock: Clock
  readonly #padding: string
  readonly #latency = new Histogram()
  readonly #answers = new Map<string, number>()
  readonly #next: Float64Array
  #started = 0
  #accepted = 0
  #refused = 0
  #retries = 0
  #startedMs = 0

  constructor(options: LoadOptions, root: URL) {
    this.#options = options
    this.#root = root
    this.#clock = options.runtime.clock
    this.#padding = 'x'.repeat(options.paddingBytes)
    this.#next = new Float64Array(options.people)
  }

  async run(): Promise<LoadResult> {
    const { connections } = this.#options
    this.#startedMs = this.#clock.monotonicMs()
    await Promise.all(Array.from({ length: connections }, (_, index) => this.#connect(index)))
    const seconds = (this.#clock.monotonicMs() - this.#startedMs) / 1_000
    return {
      sent: this.#started,
      accepted: this.#accepted,
      refused: this.#refused,
      retries: this.#retries,
      answers: Object.fromEntries([...this.#answers].sort(([a], [b]) => (a < b ? -1 : 1))),
      seconds: Number(seconds.toFixed(3)),
      perSecond: Math.round(this.#accepted / Math.max(seconds, 0.001)),
      latency: this.#latency.percentiles(),
    }
  }

  /** One connection and its people, in turn. */
  async #connect(index: number): Promise<void> {
    const { siteId, apiKey, timeoutMs, people, connections, count, durationMs, perSecond, signal } = this.#options
    const authorization = `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`
    const connection = openConnection({ root: this.#root, authorization, timeoutMs, clock: this.#clock })
    try {
      for (let person = index; !signal.aborted && this.#started < count;) {
        // The place in the schedule is that of the event, whoever sends it.
        const dueMs = this.#startedMs + (this.#started++ * 1_000) / perSecond
        const endMs = this.#startedMs + durationMs
        const waitMs = dueMs - this.#clock.monotonicMs()
        if (Math.max(dueMs, this.#clock.monotonicMs()) >= endMs) {
          this.#started--
          return
        }
        if (waitMs > 0 && (await sleep(this.#clock, waitMs, signal, 'held')) === 'aborted') {
          this.#started--
          return
        }
        await this.#send(connection, person, perSecond === Infinity ? this.#clock.monotonicMs() : dueMs)
        person += connections
        if (person >= people) person = index
      }
    } finally {
      connection.close()
    }
  }

  async #send(connection: Connection, person: number, dueMs: number): Promise<void> {
    const { run, account, retry, runtime, signal } = this.#options
    const number = this.#next[person]!++
    const event = loadEvent(run, person, number, this.#padding)
    for (let attempt = 1; ; attempt++) {
      const answered = await connection.send(event, attempt - 1)
      this.#note(answered.kind === 'answer' ? `${answered.status}` : answered.reason)
      const status = answered.kind === 'answer' ? answered.status : 0
      if (status >= 200 && status < 300) {
        this.#latency.add(this.#clock.monotonicMs() - dueMs)
        this.#accepted++
        account.accept(person, number)
        return
      }
      const isPassing = status === 0 || status === 408 || status === 429 || status >= 500
      // It may have been stored, and may even come after what is sent next.
      if (status === 0 && !retry) account.doubt(person, number)
      if (!retry || !isPassing || attempt >= ATTEMPTS_MAX || signal.aborted) {
        this.#refused++
        return
      }
      this.#retries++
      const asked = answered.kind === 'answer' ? retryAfterMs(answered.retryAfter, this.#clock.wallMs()) : undefined
      const backoffMs = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** attempt) * (0.5 + runtime.random() / 2)
      await sleep(this.#clock, asked ?? backoffMs, signal, 'held')
    }
  }

  #note(what: string): void {
    this.#answers.set(what, (this.#answers.get(what) ?? 0) + 1)
  }
}
