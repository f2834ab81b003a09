/**
 * Where claims begin to read. Rows that are gone stay in the index until a vacuum may remove them, and with a long
 * transaction open none may: every claim would pass by all of them. So each handle remembers a turn below which nothing
 * waits and nothing can come any more.
 *
 * A block that was drawn may still be committed, whatever its number. But whoever draws one is a transaction by then. So
 * a block is taken down, then a transaction number is drawn; once all transactions before that one have ended, what has
 * turns up to that block is seen, or never comes.
 */
import { BLOCK } from './tables.ts'

export class Floor {
  /** Nothing waits up to here. */
  turn = 0
  #mark: { readonly block: number; transaction: bigint | undefined } | undefined

  /** A transaction number was drawn, after everything that was looked at before. */
  drew(transaction: bigint): void {
    if (this.#mark !== undefined) this.#mark.transaction ??= transaction
  }

  /**
   * @param block the newest one that was drawn
   * @param oldest the oldest transaction that has not ended
   * @param first the first turn that waits above the floor
   */
  looked({ block, oldest, first }: { block: number; oldest: bigint; first: number | undefined }): void {
    const mark = this.#mark
    if (mark?.transaction !== undefined && oldest >= mark.transaction) {
      this.turn = Math.max(this.turn, Math.min(mark.block * BLOCK + BLOCK - 1, (first ?? Infinity) - 1))
      this.#mark = undefined
    }
    this.#mark ??= { block, transaction: undefined }
  }
}
