/** What the demo's parent and the backend processes say to each other. Calls are named by the number of their line. */

export interface Start {
  readonly type: 'start'
  /** The root of the fake Customer.io. */
  readonly url: string
  readonly siteId: string
  readonly apiKey: string
  /** Where the outbox is; the official client has no use for it. */
  readonly outboxPath: string
}

export type ToBackend =
  | Start
  /** Make these calls, in this order, now. */
  | { readonly type: 'make'; readonly calls: readonly number[] }
  /** Wait until nothing is left to send, at most so long, then end. */
  | { readonly type: 'finish'; readonly timeoutMs: number }

/** How the library says it is. For the display alone: the account is made without it. */
export interface Condition {
  readonly role: 'active' | 'standby'
  readonly circuitState: 'closed' | 'open' | 'half-open'
  readonly oldestAgeMs: number | null
}

export type FromBackend =
  | { readonly type: 'ready' }
  /** The caller has its answer. `id` is the receipt's; the official client gives none. */
  | { readonly type: 'answered'; readonly n: number; readonly id: string | null }
  /** The caller has an error. */
  | { readonly type: 'failed'; readonly n: number; readonly reason: string }
  | ({ readonly type: 'condition' } & Condition)
  /** Something that a person who watches wants to know. */
  | { readonly type: 'told'; readonly text: string }
  | { readonly type: 'finished'; readonly waiting: number; readonly deadLetters: number }
