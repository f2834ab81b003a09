/** Many calls become one act: now, or when the last one is long enough ago and has ended. */
import type { CancelTimer, Clock } from '../../runtime/clock.ts'

const PAUSE_MS = 50

type State = 'quiet' | 'due' | 'ringing' | 'ringing-and-due' | 'closed'

export class Bell {
  readonly #clock: Clock
  readonly #act: () => Promise<void>
  #state: State = 'quiet'
  #rangMs = -Infinity
  #cancel: CancelTimer = () => {}

  /** @param act must not reject */
  constructor(clock: Clock, act: () => Promise<void>) {
    this.#clock = clock
    this.#act = act
  }

  ring(): void {
    if (this.#state === 'ringing') this.#state = 'ringing-and-due'
    if (this.#state !== 'quiet') return
    this.#state = 'due'
    const waitMs = Math.max(0, this.#rangMs + PAUSE_MS - this.#clock.monotonicMs())
    this.#cancel = this.#clock.timer(waitMs, () => void this.#actNow())
  }

  close(): void {
    this.#state = 'closed'
    this.#cancel()
  }

  async #actNow(): Promise<void> {
    this.#state = 'ringing'
    this.#rangMs = this.#clock.monotonicMs()
    await this.#act()
    this.#rest()
  }

  /** It may have been rung or closed meanwhile. */
  #rest(): void {
    if (this.#state === 'closed') return
    const isDue = this.#state === 'ringing-and-due'
    this.#state = 'quiet'
    if (isDue) this.ring()
  }
}
