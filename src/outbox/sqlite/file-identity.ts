/** Whether the file at a path still is the one that was opened: it may have been deleted, moved or replaced meanwhile. */
import { statSync } from 'node:fs'

import { OutboxError } from '../../errors.ts'

export class FileIdentity {
  readonly #path: string
  readonly #opened: string

  constructor(path: string) {
    this.#path = path
    this.#opened = identityOf(path)
  }

  get kept(): boolean {
    return identityOf(this.#path) === this.#opened
  }

  /** Nothing may be acknowledged that went into a file which nobody will open again. */
  check(): void {
    if (this.kept) return
    throw new OutboxError('OUTBOX_UNAVAILABLE', 'the file of the outbox was moved, deleted or replaced', {
      path: this.#path,
    })
  }
}

function identityOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? 'none' : `${stat.dev}/${stat.ino}`
}
