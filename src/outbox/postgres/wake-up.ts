/**
 * LISTEN and NOTIFY, for who wants to hear of appends sooner than by looking. A notification is sent after a commit, by a
 * statement of its own and not more often than needed: inside a transaction it would make all commits of the database
 * wait for each other. So what a caller's transaction has appended is found by looking.
 */
import type { CancelTimer, Clock } from '../../runtime/clock.ts'
import type { Database } from './database.ts'
import type { PgClient } from './peer.ts'

const TELL_EVERY_MS = 20
const AGAIN_MS = 2_000

export interface WakeUpParts {
  readonly database: Database
  /** As it was given; it names the channel. */
  readonly schema: string
  readonly handle: string
  readonly clock: Clock
  /** Another handle has something to hear of. */
  readonly woken: () => void
}

export class WakeUp {
  readonly #parts: WakeUpParts
  readonly #channel: string
  #client: PgClient | undefined
  #connecting: Promise<void> | undefined
  #cancelTell: CancelTimer | undefined
  #cancelAgain: CancelTimer | undefined
  #telling: Promise<unknown> | undefined
  #isStopped = false

  constructor(parts: WakeUpParts) {
    this.#parts = parts
    this.#channel = `holdfast ${parts.schema}`
    this.#listen()
  }

  /** Tells the others, soon, that there is something. */
  tell(): void {
    if (this.#cancelTell !== undefined || this.#isStopped) return
    this.#cancelTell = this.#parts.clock.timer(TELL_EVERY_MS, () => {
      this.#cancelTell = undefined
      const { database, handle } = this.#parts
      // It is a help and no more: who is not woken looks by himself.
      this.#telling = database.query('SELECT pg_notify($1, $2)', [this.#channel, handle]).catch(() => {})
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelTell?.()
    this.#cancelAgain?.()
    await this.#telling
    await this.#connecting
    this.#release()
  }

  #listen(): void {
    this.#connecting = this.#connect().catch(() => {
      this.#release()
      if (!this.#isStopped) this.#cancelAgain = this.#parts.clock.timer(AGAIN_MS, () => this.#listen())
    })
  }

  async #connect(): Promise<void> {
    const { database, handle, woken } = this.#parts
    const client = await database.client()
    this.#client = client
    client.on('error', () => {
      if (this.#client !== client) return
      this.#release()
      if (!this.#isStopped) this.#cancelAgain = this.#parts.clock.timer(AGAIN_MS, () => this.#listen())
    })
    client.on('notification', ({ channel, payload }) => {
      if (channel === this.#channel && payload !== handle) woken()
    })
    await client.query(`LISTEN "${this.#channel}"`)
    // What was told while nobody listened.
    woken()
  }

  /** A connection that listened is not given to anybody else. */
  #release(): void {
    const client = this.#client
    this.#client = undefined
    client?.release(true)
  }
}
