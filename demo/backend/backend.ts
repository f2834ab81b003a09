/**
 * A backend process as its parent sees it: started, asked to make calls, killed, started again. Remembers of each call
 * what the process answered, so that the account rests on what callers were told.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import type { Asked } from '../account/asked.ts'
import type { Left } from '../account/promises.ts'
import type { Condition, FromBackend, Start, ToBackend } from './messages.ts'

export interface BackendSettings {
  readonly name: string
  /** The program. */
  readonly program: URL
  readonly start: Omit<Start, 'type'>
  /**
   * Whether a call that was under way when its process died is made again by the next one, with the same idempotency
   * key. Without such a key that would risk the same event twice, so nobody does it with the official client.
   */
  readonly makesAgain: boolean
  readonly told: (text: string) => void
  /** Called when the process ends without having been asked to. */
  readonly died: (message: string) => void
}

const START_MS_MAX = 20_000
/** Beyond the time that it is given for what is left to send. */
const END_MS_MAX = 20_000
const STDERR_CHARS_MAX = 2_000

export class Backend {
  readonly #settings: BackendSettings
  readonly #asked = new Map<number, Asked>()
  /** Monotonic time of the newest making of each call that is under way. */
  readonly #madeAtMs = new Map<number, number>()
  #child: ChildProcess | undefined
  /** The process takes calls. */
  #isReady = false
  #condition: Condition | undefined
  #finished: ((finished: Left) => void) | undefined
  #ready: (() => void) | undefined
  /** Ends that the parent caused are no accidents. */
  #endsByWill = false

  constructor(settings: BackendSettings) {
    this.#settings = settings
  }

  /** Every call ever made here, in the order of the data file. */
  get asked(): readonly Asked[] {
    return [...this.#asked.values()]
  }

  /** How many calls were ever made here. */
  get calls(): number {
    return this.#asked.size
  }

  /** Calls without an answer. */
  get underWay(): number {
    return this.#madeAtMs.size
  }

  /** The newest word of the process on its own condition. */
  get condition(): Condition | undefined {
    return this.#condition
  }

  get isAlive(): boolean {
    return this.#isReady
  }

  /** Resolves when the process takes calls. Makes those again that the one before left without an answer. */
  async start(): Promise<void> {
    const child = fork(fileURLToPath(this.#settings.program), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_CHARS_MAX)
    })
    child.on('message', (message: FromBackend) => this.#hear(message))
    // A message to a process that has just ended: what it was asked to do stays under way.
    child.on('error', () => {})
    child.on('exit', (code, signal) => {
      if (this.#child === child) this.#left()
      if (!this.#endsByWill) this.#settings.died(`${this.#settings.name} ended (${signal ?? code}): ${stderr.trim()}`)
    })
    this.#child = child
    this.#endsByWill = false
    const ready = new Promise<void>((resolve) => {
      this.#ready = resolve
      child.send({ type: 'start', ...this.#settings.start } satisfies ToBackend)
    })
    await inTime(ready, START_MS_MAX, `${this.#settings.name} did not start`)
    this.#isReady = true
    this.make([...this.#madeAtMs.keys()])
  }

  /** Has the process make these calls, in this order. */
  make(calls: readonly number[]): void {
    if (calls.length === 0) return
    const atMs = Date.now()
    const monotonicMs = performance.now()
    for (const n of calls) {
      const before = this.#asked.get(n)
      this.#asked.set(n, {
        n,
        atMs: before?.atMs ?? atMs,
        times: (before?.times ?? 0) + 1,
        fate: { kind: 'under-way' },
      })
      this.#madeAtMs.set(n, monotonicMs)
    }
    this.#tell({ type: 'make', calls })
  }

  /** `kill -9`. Resolves to how many calls had no answer, when the process is gone and all that it had said is heard. */
  async kill(): Promise<number> {
    const child = this.#child
    if (child === undefined) return 0
    this.#left()
    this.#endsByWill = true
    const gone = Promise.all([
      new Promise((resolve) => child.once('exit', resolve)),
      new Promise((resolve) => child.once('disconnect', resolve)),
    ])
    child.kill('SIGKILL')
    await gone
    const left = [...this.#madeAtMs.keys()]
    if (!this.#settings.makesAgain) {
      for (const n of left) {
        this.#asked.set(n, { ...this.#asked.get(n)!, fate: { kind: 'gone' } })
        this.#madeAtMs.delete(n)
      }
    }
    return left.length
  }

  /** Waits until the process has nothing left to send, and has it end. */
  async finish(timeoutMs: number): Promise<Left> {
    const child = this.#child
    if (child === undefined) throw new Error(`${this.#settings.name} is not running`)
    this.#endsByWill = true
    const exited = new Promise((resolve) => child.once('exit', resolve))
    const finished = new Promise<Left>((resolve) => {
      this.#finished = resolve
      this.#tell({ type: 'finish', timeoutMs })
    })
    const ended = finished.then((left) => exited.then(() => left))
    return inTime(ended, timeoutMs + END_MS_MAX, `${this.#settings.name} did not end`)
  }

  /** Ends the process at once, whatever it does. For a demo that is broken off. */
  end(): void {
    this.#endsByWill = true
    this.#child?.kill('SIGKILL')
  }

  #left(): void {
    this.#child = undefined
    this.#isReady = false
    this.#condition = undefined
  }

  #tell(message: ToBackend): void {
    this.#child?.send(message)
  }

  #hear(message: FromBackend): void {
    switch (message.type) {
      case 'ready':
        this.#ready?.()
        return
      case 'answered':
        this.#answered(message.n, (waitedMs) => ({ kind: 'acknowledged', atMs: Date.now(), waitedMs, id: message.id }))
        return
      case 'failed':
        this.#answered(message.n, (waitedMs) => ({
          kind: 'failed',
          atMs: Date.now(),
          waitedMs,
          reason: message.reason,
        }))
        return
      case 'condition':
        this.#condition = message
        return
      case 'told':
        this.#settings.told(message.text)
        return
      case 'finished':
        this.#finished?.({ waiting: message.waiting, deadLetters: message.deadLetters })
        return
    }
  }

  #answered(n: number, fateOf: (waitedMs: number) => Asked['fate']): void {
    const asked = this.#asked.get(n)
    const madeAtMs = this.#madeAtMs.get(n)
    if (asked === undefined || madeAtMs === undefined) return
    this.#madeAtMs.delete(n)
    this.#asked.set(n, { ...asked, fate: fateOf(performance.now() - madeAtMs) })
  }
}

async function inTime<T>(promise: Promise<T>, timeoutMs: number, message: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(message)), timeoutMs)
  // When the run is broken off meanwhile, nobody waits for this any more.
  timer.unref()
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
