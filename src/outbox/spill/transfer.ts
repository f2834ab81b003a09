/**
 * One batch from the file into the remote outbox: appended there, then taken out here. Whoever dies between the two
 * appends it again, and the remote outbox knows it.
 */
import { codeOf } from '../../errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { NewEntry, Outbox } from '../outbox.ts'
import type { HandoverOutbox, Head } from '../sqlite/handover.ts'

const BATCH_ENTRIES_MAX = 500
const BATCH_BYTES_MAX = 4 * 1024 * 1024
/**
 * A batch that was read longer ago is read anew: a process that was stopped meanwhile is not the owner of the file any
 * more, and another one has gone on.
 */
const FRESH_MS = 1_500

export class Transfer {
  readonly #file: HandoverOutbox
  readonly #clock: Clock
  #entriesMax = BATCH_ENTRIES_MAX

  constructor(file: HandoverOutbox, clock: Clock) {
    this.#file = file
    this.#clock = clock
  }

  /** What goes next, and when it was asked for. */
  async read(): Promise<Head & { readonly askedMs: number }> {
    const askedMs = this.#clock.monotonicMs()
    const head = await this.#file.head({ entriesMax: this.#entriesMax, bytesMax: BATCH_BYTES_MAX })
    return { ...head, askedMs }
  }

  /**
   * Takes it over into the remote outbox. Rejects as its `append` does; then it is still in the file. Resolves to false
   * when it was read too long ago.
   */
  async move({ entries, askedMs }: Head & { readonly askedMs: number }, remote: Outbox): Promise<boolean> {
    if (this.#clock.monotonicMs() - askedMs > FRESH_MS) return false
    try {
      const results = await remote.append(entries.map(asNew))
      await this.#file.handOver(entries.map(({ position }, index) => ({ position, to: results[index]!.position })))
      this.#entriesMax = Math.min(BATCH_ENTRIES_MAX, this.#entriesMax * 2)
      return true
    } catch (error) {
      // There may be room for a part of it.
      if (codeOf(error) === 'OUTBOX_FULL') this.#entriesMax = Math.max(1, Math.floor(this.#entriesMax / 2))
      throw error
    }
  }
}

function asNew(entry: NewEntry): NewEntry {
  const { id, lanes, type, priority, acceptedAtMs, expiresAtMs, campaignAtMs, keyed, body } = entry
  return { id, lanes, type, priority, acceptedAtMs, expiresAtMs, campaignAtMs, keyed, body }
}
