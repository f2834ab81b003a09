/** The remote outbox: opened when it can be, and from then on one handle that comes and goes by itself. */
import type { Outbox } from '../outbox.ts'
import { awayError } from './away.ts'

export class Remote {
  readonly #open: () => Promise<Outbox>
  #outbox: Outbox | undefined
  #opening: Promise<Outbox> | undefined
  #reason: unknown
  #closed = false

  constructor(open: () => Promise<Outbox>) {
    this.#open = open
  }

  /** Undefined as long as it could not be opened. */
  get opened(): Outbox | undefined {
    return this.#outbox
  }

  /** The open outbox. Throws what kept it from opening. */
  get(): Outbox {
    if (this.#outbox === undefined) throw awayError(this.#reason)
    return this.#outbox
  }

  /** Opens it, unless it is open. While one try is under way there is no second one. */
  async open(): Promise<void> {
    if (this.#outbox !== undefined) return
    this.#opening ??= this.#open()
    try {
      const outbox = await this.#opening
      this.#outbox = outbox
      if (this.#closed) await outbox.close()
    } catch (error) {
      this.#reason = error
      throw error
    } finally {
      this.#opening = undefined
    }
  }

  /** Does not wait for an opening that is under way: what it opens is closed at once. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#outbox?.close()
  }
}
