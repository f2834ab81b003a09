/**
 * What both outboxes say, as what one says. A pause is the remote outbox's; the file keeps a copy of it, which holds for a
 * process that starts while the remote outbox is away.
 */
import type { Outbox, OutboxNotice, SharedPause } from '../outbox.ts'
import { onlyNewPauses } from '../sqlite/pause.ts'
import { marked } from './names.ts'

export class Notices {
  readonly tell: (notice: OutboxNotice) => void
  /** There may be something to drain. */
  woken: () => void = () => {}
  #role: 'active' | 'standby' | undefined
  #pause: SharedPause | null = null
  /** The copy in the file. */
  #copy: SharedPause | null = null
  /** `opening`: whether the remote outbox is there shows soon. */
  #remote: 'opening' | 'away' | 'opened' = 'opening'
  #file: Pick<Outbox, 'setPaused'> | undefined

  constructor(tell: (notice: OutboxNotice) => void) {
    this.tell = onlyNewPauses(tell)
  }

  fromRemote(notice: OutboxNotice): void {
    if (notice.type === 'role') {
      if (notice.role === this.#role) return
      this.#role = notice.role
    }
    if (notice.type === 'paused') {
      this.#pause = notice.pause
      this.#copyPause()
    }
    this.tell(notice)
  }

  fromFile(notice: OutboxNotice): void {
    if (notice.type === 'appended' || notice.type === 'role') this.woken()
    else if (notice.type === 'damaged-entry') this.tell({ ...notice, position: marked(notice.position) })
    else if (notice.type === 'quarantined') this.tell(notice)
    else if (notice.type === 'paused') {
      this.#copy = notice.pause
      if (this.#remote === 'away') this.tell(notice)
    }
  }

  /** The file is open, and the remote outbox is not. */
  away(file: Outbox): void {
    this.#file = file
    this.#remote = 'away'
    if (this.#copy !== null) this.tell({ type: 'paused', pause: this.#copy })
  }

  /** Both are open. What the remote outbox has not said by now is not so. */
  opened(file: Outbox): void {
    this.#file = file
    this.#remote = 'opened'
    this.tell({ type: 'paused', pause: this.#pause })
    this.#copyPause()
  }

  #copyPause(): void {
    // Without the copy a pause holds all the same as long as this process lives.
    this.#file?.setPaused(this.#pause).catch(() => {})
  }
}
