/** Our outbox in Redis. */
import type { Side } from '../side.ts'
import { openerOf, prepare } from '../stores.ts'
import { outboxSide } from './outbox.ts'

export const side: Side = outboxSide(
  ({ url }) => openerOf('redis', url),
  ({ url }) => prepare('redis', url),
)
