/** Listeners that can harm neither the one who tells them nor each other, whether they throw or reject. */
import { OptionsError } from '../errors.ts'

/** Ends the subscription, as a call or by `using`. Ending it twice does nothing. */
export interface Subscription extends Disposable {
  (): void
}

type Listener<Event> = (event: Event) => unknown

const NONE: readonly never[] = Object.freeze([])

export class Subscribers<Event> {
  /** Replaced and never changed, for a listener may subscribe or leave while it is told something. */
  #listeners: readonly { readonly tell: Listener<Event> }[] = NONE

  /** For one that never leaves. */
  keep(tell: Listener<Event>): void {
    this.#listeners = [...this.#listeners, { tell }]
  }

  add(tell: Listener<Event>): Subscription {
    const subscriber = { tell }
    this.#listeners = [...this.#listeners, subscriber]
    const leave = (): void => {
      this.#listeners = this.#listeners.filter((other) => other !== subscriber)
    }
    return Object.assign(leave, { [Symbol.dispose]: leave })
  }

  tell(event: Event): void {
    for (const { tell } of this.#listeners) {
      try {
        const answer = tell(event)
        if (answer instanceof Promise) answer.catch(() => {})
      } catch {
        // The listener's own trouble.
      }
    }
  }
}

/** @throws OptionsError naming the field */
export function checkedListener<Listener>(field: string, listener: Listener): Listener {
  if (typeof listener !== 'function') throw new OptionsError(field, 'must be a function')
  return listener
}
