/** Our outbox in Postgres. */
import type { Side } from '../side.ts'
import { openerOf, prepare } from '../stores.ts'
import { outboxSide } from './outbox.ts'

export const side: Side = outboxSide(
  ({ url }) => openerOf('postgres', url),
  ({ url }) => prepare('postgres', url),
)
