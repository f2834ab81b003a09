/**
 * The outbox of a kind that a configuration names. What speaks to a server is loaded when such an outbox is opened, so that
 * nobody needs the packages of one that he does not use.
 */
import type { BullmqOutboxOptions } from './bullmq.ts'
import type { OpenOutbox } from './outbox.ts'
import type { PostgresOutboxOptions } from './postgres.ts'
import { sqliteOutbox, type SqliteOutboxOptions } from './sqlite.ts'

/** Many machines share it, and all of them deliver. */
export type SharedOutbox =
  | { readonly kind: 'bullmq'; readonly options: BullmqOutboxOptions }
  | { readonly kind: 'postgres'; readonly options: PostgresOutboxOptions }

export type OutboxOfKind = { readonly kind: 'sqlite'; readonly options: SqliteOutboxOptions } | SharedOutbox

/** Throws `OptionsError` at once for a file, and when it is opened for a server. */
export function outboxOfKind(described: OutboxOfKind): OpenOutbox {
  return described.kind === 'sqlite' ? sqliteOutbox(described.options) : sharedOutbox(described)
}

/** @returns an outbox whose opening also rejects with `OptionsError`: a package is missing, or an option is wrong */
export function sharedOutbox(described: SharedOutbox): OpenOutbox {
  return async (context) => {
    if (described.kind === 'postgres') {
      const { postgresOutbox } = await import('./postgres.ts')
      return postgresOutbox(described.options)(context)
    }
    const { bullmqOutbox } = await import('./bullmq.ts')
    return bullmqOutbox(described.options)(context)
  }
}

/** The same for an operator's look: without a file beside it, which belongs to the relay. */
export function lookInto(described: SharedOutbox): OpenOutbox {
  const { kind } = described
  const open = sharedOutbox(kind === 'bullmq' ? { kind, options: { ...described.options, spill: false } } : described)
  return (context) => open({ ...context, looks: true })
}
