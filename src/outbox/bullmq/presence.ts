/**
 * What the handles of one outbox know of each other: how many there are, whether delivery is paused, hints about the
 * provider, and that there is something to claim. Counted and kept in Redis; messages only make it quick, so one that is
 * lost is made up for by the next beat.
 */
import type { CancelTimer, Clock } from '../../runtime/clock.ts'
import type { OutboxNotice, ProviderHint, SharedPause } from '../outbox.ts'
import type { OutboxKeys } from './keys.ts'
import type { RedisLink } from './link.ts'
import { beatScript, pauseScript } from './scripts/presence.ts'

const BEAT_MS = 1_500
/** After so long without a beat a handle does not count any more. */
const GONE_MS = 6_000

type Message =
  | { readonly from: string; readonly kind: 'hint'; readonly hint: ProviderHint }
  /** The number of handles or the pause has changed: look. */
  | { readonly from: string; readonly kind: 'look' }
  | { readonly from: string; readonly kind: 'wake' }

export interface PresenceParts {
  readonly link: RedisLink
  readonly keys: OutboxKeys
  readonly handle: string
  readonly clock: Clock
  readonly notice: (notice: OutboxNotice) => void
  /** It does not count, and hears of the others all the same. */
  readonly looks: boolean
}

export class Presence {
  readonly #parts: PresenceParts
  #handles = 0
  #pause = ''
  #cancelBeat: CancelTimer = () => {}
  #closed = false

  constructor(parts: PresenceParts) {
    this.#parts = parts
  }

  /** Rejects with an `OutboxError` when Redis does not answer. */
  async open(): Promise<void> {
    const { link, keys } = this.#parts
    await link.subscribe(keys.channel, (message) => this.#hear(message))
    await this.#beat()
    if (!this.#parts.looks) this.#say({ kind: 'look' })
    this.#arm()
  }

  get isPaused(): boolean {
    return this.#pause !== ''
  }

  /** Asks Redis now, and tells what has changed. Rejects with an `OutboxError` when it does not answer. */
  look(): Promise<void> {
    return this.#beat()
  }

  tell(hint: ProviderHint): void {
    this.#say({ kind: 'hint', hint })
  }

  /** Wakes the handles of all processes, this one too. */
  wakeAll(): void {
    this.#parts.notice({ type: 'appended' })
    this.#say({ kind: 'wake' })
  }

  async setPaused(pause: SharedPause | null): Promise<void> {
    const text = pause === null ? '' : JSON.stringify([pause.who, pause.why, pause.atMs])
    const { link, keys } = this.#parts
    if ((await link.run(pauseScript, [keys.base], [text])) !== 1) return
    this.#notePause(text)
    this.#say({ kind: 'look' })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelBeat()
    const { link, keys, handle, looks } = this.#parts
    if (looks) return
    await link.run(beatScript, [keys.base], [handle, 0]).catch(() => {})
    this.#say({ kind: 'look' })
  }

  #arm(): void {
    this.#cancelBeat()
    if (this.#closed) return
    this.#cancelBeat = this.#parts.clock.timer(BEAT_MS, () => {
      // A beat that is missed while Redis is away is made up for by the next.
      void this.#beat()
        .catch(() => {})
        .then(() => this.#arm())
    })
  }

  async #beat(): Promise<void> {
    const { link, keys, handle, notice, looks } = this.#parts
    const counts = [handle, looks ? 0 : GONE_MS]
    const [handles, pause] = (await link.run(beatScript, [keys.base], counts)) as [number, string]
    if (this.#closed) return
    if (handles !== this.#handles) {
      this.#handles = handles
      notice({ type: 'handles', count: handles })
    }
    this.#notePause(pause)
  }

  #notePause(text: string): void {
    if (text === this.#pause) return
    this.#pause = text
    const [who, why, atMs] = text === '' ? [] : (JSON.parse(text) as [string, string, number])
    const pause = who === undefined || why === undefined || atMs === undefined ? null : { who, why, atMs }
    this.#parts.notice({ type: 'paused', pause })
  }

  #hear(text: string): void {
    const message = read(text)
    if (message === undefined || message.from === this.#parts.handle || this.#closed) return
    if (message.kind === 'hint') this.#parts.notice({ type: 'hint', hint: message.hint })
    else if (message.kind === 'wake') this.#parts.notice({ type: 'appended' })
    else void this.#beat().catch(() => {})
  }

  #say(message: { kind: 'hint'; hint: ProviderHint } | { kind: 'look' } | { kind: 'wake' }): void {
    const { link, keys, handle } = this.#parts
    void link.command('publish', [keys.channel, JSON.stringify({ from: handle, ...message })]).catch(() => {})
  }
}

/** What a later version of this package says may mean nothing to this one. */
function read(text: string): Message | undefined {
  try {
    const message = JSON.parse(text) as Partial<Message>
    if (message.kind === 'wake' || message.kind === 'look') return message as Message
    return message.kind === 'hint' && typeof message.hint?.kind === 'string' ? (message as Message) : undefined
  } catch {
    return undefined
  }
}
