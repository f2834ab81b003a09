/**
 * What may end a call that is under way: its caller's signal, or the closing of the client. The caller ends all of it;
 * closing ends its waits at once and its request only when the time for that is over. One listener on the caller's
 * signal for as long as the call lasts.
 */

export const ENDED: unique symbol = Symbol('ended')

// Made once: a reason that is not given is a DOMException with a stack.
const REASON = new Error('the call was ended')

export class Underway {
  readonly #caller: AbortSignal | undefined
  readonly #waits = new AbortController()
  readonly #flight = new AbortController()
  #endedBy: 'caller' | 'closing' | undefined

  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller
    if (caller?.aborted) this.#aborted()
    else caller?.addEventListener('abort', this.#aborted, { once: true })
  }

  get endedBy(): 'caller' | 'closing' | undefined {
    return this.#endedBy
  }

  /** Ends the waits of the call. */
  get waits(): AbortSignal {
    return this.#waits.signal
  }

  /** Ends its request. */
  get flight(): AbortSignal {
    return this.#flight.signal
  }

  /** The client closes: no wait is worth it any more. */
  hurry(): void {
    this.#endedBy ??= 'closing'
    this.#waits.abort(REASON)
  }

  /** The time of closing is over. */
  abort(): void {
    this.hurry()
    this.#flight.abort(REASON)
  }

  /** What the promise gives, or `ENDED` as soon as the waits are. */
  async unlessEnded<T>(promise: Promise<T>): Promise<T | typeof ENDED> {
    const { waits } = this
    if (waits.aborted) return ENDED
    let onAbort: (() => void) | undefined
    const ended = new Promise<typeof ENDED>((resolve) => {
      onAbort = () => resolve(ENDED)
      waits.addEventListener('abort', onAbort, { once: true })
    })
    try {
      return await Promise.race([promise, ended])
    } finally {
      if (onAbort !== undefined) waits.removeEventListener('abort', onAbort)
    }
  }

  /** Lets go of the caller's signal. */
  release(): void {
    this.#caller?.removeEventListener('abort', this.#aborted)
  }

  readonly #aborted = (): void => {
    this.#endedBy ??= 'caller'
    this.#waits.abort(REASON)
    this.#flight.abort(REASON)
  }
}
