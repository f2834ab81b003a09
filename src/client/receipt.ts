/**
 * Receipts, and what becomes of their operations. A receipt costs nothing while nobody asks: `settled()` looks the
 * operation up and only then waits for it, so a million stored operations are no million waiting promises.
 */
import type { Problem } from '../errors.ts'
import type { Events } from '../observe/events.ts'
import type { AppendResult, DeadDetail, DeadReason, EntryState, Outbox, Position } from '../outbox/outbox.ts'
import type { CancelTimer, Clock } from '../runtime/clock.ts'

/** What became of an operation. `waiting` only when the client was closed first: it is stored and goes out after the next start. */
export type Settled =
  | { readonly state: 'delivered' }
  | {
      readonly state: 'dead'
      readonly reason: DeadReason
      readonly status?: number
      readonly field?: string
      readonly message?: string
    }
  | { readonly state: 'purged' }
  | { readonly state: 'dropped' }
  /**
   * The outbox has forgotten it: it was purged or dropped long ago. Or it was stored in a transaction that has not
   * committed: ask after the commit.
   */
  | { readonly state: 'unknown' }
  | { readonly state: 'waiting' }

/** Proof that an operation is stored, or in `mode: 'direct'` delivered. */
export interface Receipt {
  /** The operation's ULID; for an event without an id of its own, the id that Customer.io sees. */
  readonly id: string
  /**
   * `delivered`: in `mode: 'direct'`, Customer.io has it, and it was never stored.
   * `duplicate`: an operation with the same idempotency key is stored or was delivered already; this call added nothing.
   */
  readonly state: 'stored' | 'duplicate' | 'delivered'
  /** It is stored in an outbox beside the usual one, which is away; it goes on from there by itself. */
  readonly spilled: boolean
  /** Resolves when the operation is delivered or given up. Never rejects. An outage may last hours: do not hold a request open for it. */
  settled(): Promise<Settled>
}

/** The receipt of `batch()`: one for each of its operations, in their order. */
export interface BatchReceipt {
  readonly state: 'stored' | 'duplicate'
  /** One of them at least is in an outbox beside the usual one. */
  readonly spilled: boolean
  readonly operations: readonly Receipt[]
  settled(): Promise<readonly Settled[]>
}

/** What became of calls of which some could not be stored. */
export interface PartialReceipt {
  /** Of those that were stored, in their order. */
  readonly operations: readonly Receipt[]
  /** `index` counts all calls. */
  readonly refused: readonly { readonly index: number; readonly problems: readonly [Problem, ...Problem[]] }[]
}

export function onlyReceipt([receipt]: readonly Receipt[]): Receipt {
  return receipt!
}

export function receiptOfAll(operations: readonly Receipt[]): BatchReceipt {
  return {
    state: operations.every((receipt) => receipt.state === 'duplicate') ? 'duplicate' : 'stored',
    spilled: operations.some((receipt) => receipt.spilled),
    operations,
    settled: () => Promise.all(operations.map((receipt) => receipt.settled())),
  }
}

/** How often operations are looked up whose end nobody here reports: another process delivers them, or an operator ends them. */
const LOOKUP_EVERY_MS = 1_000
const LOOKUP_POSITIONS_MAX = 1_000

interface Waiter {
  readonly position: Position
  readonly resolve: ((settled: Settled) => void)[]
}

export interface Receipts {
  receiptOf(id: string, result: AppendResult | { readonly state: 'delivered' }): Receipt
  /** Ends every wait: the client closes. */
  close(): void
}

export function createReceipts(outbox: () => Pick<Outbox, 'lookup'>, clock: Clock, events: Events): Receipts {
  const waiters = new Map<string, Waiter>()
  let cancelLookup: CancelTimer | undefined
  let isClosed = false

  function end(id: string, settled: Settled): void {
    const waiter = waiters.get(id)
    if (waiter === undefined) return
    waiters.delete(id)
    for (const resolve of waiter.resolve) resolve(settled)
  }

  async function lookup(ids: readonly string[]): Promise<void> {
    const known = ids.flatMap((id) => {
      const waiter = waiters.get(id)
      return waiter === undefined ? [] : [{ id, position: waiter.position }]
    })
    if (known.length === 0) return
    try {
      const states = await outbox().lookup(known.map(({ position }) => position))
      for (const [index, { id }] of known.entries()) {
        const settled = settledOf(states[index])
        if (settled !== undefined) end(id, settled)
      }
    } catch {
      // The outbox has its own trouble, which it reports; the next look-up is not far.
    }
  }

  function lookupLater(): void {
    if (cancelLookup !== undefined || waiters.size === 0 || isClosed) return
    cancelLookup = clock.timer(LOOKUP_EVERY_MS, () => {
      const ids = [...waiters.keys()].slice(0, LOOKUP_POSITIONS_MAX)
      void lookup(ids).then(() => {
        cancelLookup = undefined
        // Those that were asked about go to the end, so that a long list is gone through in turn.
        for (const id of ids) {
          const waiter = waiters.get(id)
          if (waiter === undefined) continue
          waiters.delete(id)
          waiters.set(id, waiter)
        }
        lookupLater()
      })
    })
  }

  function settledLater(id: string, position: Position): Promise<Settled> {
    if (isClosed) return Promise.resolve({ state: 'waiting' })
    return new Promise((resolve) => {
      const waiter = waiters.get(id)
      if (waiter === undefined) waiters.set(id, { position, resolve: [resolve] })
      else waiter.resolve.push(resolve)
      void lookup([id]).then(lookupLater)
    })
  }

  const unsubscribe = events.on((event) => {
    if (waiters.size === 0) return
    if (event.type === 'delivered') for (const { id } of event.entries) end(id, { state: 'delivered' })
    if (event.type !== 'dead-letter') return
    for (const entry of event.entries) end(entry.id, deadOf(entry))
  })

  return {
    receiptOf: (id, result) =>
      result.state === 'delivered' ? delivered(id) : stored(id, result, () => settledLater(id, result.position)),
    close() {
      isClosed = true
      unsubscribe()
      cancelLookup?.()
      for (const id of [...waiters.keys()]) end(id, { state: 'waiting' })
    },
  }
}

function deadOf({ reason, status, field, message }: DeadDetail): Settled {
  return {
    state: 'dead',
    reason,
    ...(status === undefined ? {} : { status }),
    ...(field === undefined ? {} : { field }),
    ...(message === undefined ? {} : { message }),
  }
}

function settledOf(state: EntryState | undefined): Settled | undefined {
  return state === undefined || state.state === 'waiting' ? undefined : state
}

function delivered(id: string): Receipt {
  return { id, state: 'delivered', spilled: false, settled: () => Promise.resolve({ state: 'delivered' }) }
}

function stored(id: string, { state, spilled }: AppendResult, settled: Receipt['settled']): Receipt {
  return { id, state, spilled: spilled === true, settled }
}
