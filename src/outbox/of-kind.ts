/** The outbox of a kind that a configuration names. */
import { OptionsError } from '../errors.ts'
import type { OpenOutbox } from './outbox.ts'
import { sqliteOutbox, type SqliteOutboxOptions } from './sqlite.ts'

export type OutboxOfKind =
  | { readonly kind: 'sqlite'; readonly options: SqliteOutboxOptions }
  | { readonly kind: 'bullmq' | 'postgres'; readonly options: object }

/** @throws OptionsError naming the field */
export function outboxOfKind(described: OutboxOfKind): OpenOutbox {
  if (described.kind === 'sqlite') return sqliteOutbox(described.options)
  throw new OptionsError('outbox.kind', `must be sqlite: this version has no outbox of the kind ${described.kind}`)
}
