/**
 * The order of a connection: its requests are stored in the order in which they came, whatever the sizes and encodings of
 * their bodies. Each has a turn, which begins when those before it have passed theirs, and is passed when its call has been
 * handed to the outbox, or will never be. Other connections do not wait.
 */
export interface Turn {
  /** Resolves when everything that came before has passed; undefined when it has already. Asked once. */
  begun(): Promise<void> | undefined
  /** Lets the next one go. A second time does nothing. */
  pass(): void
}

export interface Order {
  /** The turn after all that have joined this connection; without a connection there is nobody to wait for. */
  join(connection: object | undefined): Turn
}

export function createOrder(): Order {
  const last = new WeakMap<object, ConnectionTurn>()
  return {
    join(connection) {
      if (connection === undefined) return new ConnectionTurn(undefined)
      const turn = new ConnectionTurn(last.get(connection))
      last.set(connection, turn)
      return turn
    },
  }
}

class ConnectionTurn implements Turn {
  /** Undefined once everything before has passed. */
  #previous: ConnectionTurn | undefined
  #next: ConnectionTurn | undefined
  #passed = false
  #begin: (() => void) | undefined

  constructor(previous: ConnectionTurn | undefined) {
    if (previous === undefined || previous.#isDone) return
    this.#previous = previous
    previous.#next = this
  }

  begun(): Promise<void> | undefined {
    return this.#previous === undefined ? undefined : new Promise((begin) => (this.#begin = begin))
  }

  pass(): void {
    this.#passed = true
    if (!this.#isDone) return
    // Those that passed out of turn are passed now. A loop, for there may be thousands in a row.
    let next = this.#letGo()
    while (next !== undefined && next.#isDone) next = next.#letGo()
  }

  /** Begins the turn of the one behind, and gives it. */
  #letGo(): ConnectionTurn | undefined {
    const next = this.#next
    this.#next = undefined
    if (next === undefined) return undefined
    next.#previous = undefined
    next.#begin?.()
    return next
  }

  get #isDone(): boolean {
    return this.#passed && this.#previous === undefined
  }
}
