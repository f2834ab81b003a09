/**
 * Dead letters as failed jobs of a queue of their own, for those who look at queues with Bull Board. A picture only: the
 * outbox never reads it.
 */
import type { DeadReason } from '../outbox.ts'

/** A dead letter without its payload. */
export interface MirroredDead {
  /** Of the operation. */
  readonly id: string
  /** Of the call: `track`, `identify`. */
  readonly type: string
  readonly reason: DeadReason
  readonly status?: number
  readonly field?: string
  readonly atMs: number
}

/** The queue in which they are shown. */
export interface DeadQueue {
  /** Those that it has already stay as they are. */
  show(dead: readonly MirroredDead[]): Promise<void>
  /** Resolves to those that cannot be removed just now. */
  hide(ids: readonly string[]): Promise<readonly string[]>
}

/** Shown at most; also how many changes may wait for Redis. The newest count. */
export const MIRRORED_MAX = 10_000
const BATCH = 200
const HIDE_TRIES_MAX = 5

type Change = { readonly to: 'show'; readonly dead: MirroredDead } | { readonly to: 'hide'; readonly tries: number }

export class DeadMirror {
  readonly #queue: DeadQueue
  /** By id, oldest first; the last word about an id counts. */
  readonly #changes = new Map<string, Change>()
  /** Shown by this process, so that a repair that names them all again costs nothing. */
  readonly #shown = new Set<string>()

  constructor(queue: DeadQueue) {
    this.#queue = queue
  }

  get hasChanges(): boolean {
    return this.#changes.size > 0
  }

  mirror(dead: readonly MirroredDead[]): void {
    for (const one of dead.slice(-MIRRORED_MAX)) {
      if (this.#shown.has(one.id) && !this.#changes.has(one.id)) continue
      this.#note(one.id, { to: 'show', dead: one })
    }
  }

  unmirror(ids: readonly string[]): void {
    for (const id of ids.slice(-MIRRORED_MAX)) this.#note(id, { to: 'hide', tries: 0 })
  }

  /** The queue may have lost what was in it. */
  forget(): void {
    this.#shown.clear()
  }

  /** Writes some of what waits. Rejects with what the queue rejects with; nothing is lost then. */
  async write(): Promise<void> {
    const batch = [...this.#changes].slice(0, BATCH)
    const shown = batch.flatMap(([, change]) => (change.to === 'show' ? [change.dead] : []))
    if (shown.length > 0) await this.#queue.show(shown)
    const hidden = batch.flatMap(([id, change]) => (change.to === 'hide' ? [id] : []))
    const busy = new Set(hidden.length > 0 ? await this.#queue.hide(hidden) : [])
    for (const [id, change] of batch) {
      // Something newer was said meanwhile.
      if (this.#changes.get(id) !== change) continue
      this.#changes.delete(id)
      if (change.to === 'show') this.#remember(id)
      else if (busy.has(id) && change.tries < HIDE_TRIES_MAX) this.#note(id, { to: 'hide', tries: change.tries + 1 })
      else this.#shown.delete(id)
    }
  }

  #note(id: string, change: Change): void {
    this.#changes.delete(id)
    this.#changes.set(id, change)
    bound(this.#changes)
  }

  #remember(id: string): void {
    this.#shown.delete(id)
    this.#shown.add(id)
    bound(this.#shown)
  }
}

function bound(collection: Map<string, unknown> | Set<string>): void {
  if (collection.size <= MIRRORED_MAX) return
  const [oldest] = collection.keys()
  if (oldest !== undefined) collection.delete(oldest)
}

/** What Bull Board shows beside a failed job. */
export function failedReason({ reason, status, field }: MirroredDead): string {
  return [reason, status, field].filter((part) => part !== undefined).join(' · ')
}
