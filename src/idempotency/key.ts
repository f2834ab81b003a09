/** Idempotency keys: what may be one, and how one is made from content. */
import { createHash } from 'node:crypto'

import { type Problem, ValidationError } from '../errors.ts'
import { kindOf } from '../protocol/kind.ts'
import { canonicalJson } from './canonical-json.ts'

export const KEY_BYTES_MAX = 1_000

/** What is wrong with a key, if anything. */
export function problemOfKey(key: unknown, field: string): Problem | undefined {
  if (typeof key !== 'string' || key === '') {
    return { field, reason: 'required', message: 'must be a text that is not empty', kind: kindOf(key) }
  }
  const bytes = Buffer.byteLength(key)
  if (bytes > KEY_BYTES_MAX) {
    const message = `has ${bytes} bytes, at most ${KEY_BYTES_MAX} are taken`
    return { field, reason: 'too-long', message, limit: `${KEY_BYTES_MAX} bytes`, kind: kindOf(key) }
  }
  // Halves of surrogate pairs all become the same bytes, and with them keys that are different.
  if (!key.isWellFormed()) {
    return { field, reason: 'type', message: 'must be a text without halves of surrogate pairs', kind: kindOf(key) }
  }
  return undefined
}

/**
 * A key that stands for content: the same for the same user, operation and data, whatever the order of the members of
 * `data`; the same on every machine and in every version of this package.
 *
 * It is the SHA-256 of canonical JSON (RFC 8785). Members that are undefined count as left out, a date as its ISO text,
 * an object with `toJSON` as what that gives, -0 as 0; the order of arrays counts. 42 and '42' are the same user.
 *
 * @param userId the person whom it is about, or anything else that the key is to be kept apart by.
 * @param operation what is done, for example `welcome-email`.
 * @param data what it is done with: anything that JSON can carry.
 * @returns 64 hexadecimal digits.
 * @throws {ValidationError} for an empty `userId` or `operation`, and for data that JSON cannot carry.
 * @example
 * ```ts
 * const key = generateIdempotencyKey(user.id, 'order_placed', { order: order.id })
 * await cio.track(user.id, 'order_placed', { order: order.id, total: 12 }, { idempotencyKey: key })
 * ```
 */
export function generateIdempotencyKey(userId: string | number, operation: string, data?: unknown): string {
  const user = typeof userId === 'number' && Number.isFinite(userId) ? JSON.stringify(userId) : userId
  const content = [required(user, 'userId'), required(operation, 'operation')]
  const text = canonicalJson(data, 'data')
  if (text !== undefined) content.push(text)
  // As a JSON array the parts cannot run into each other.
  return createHash('sha256')
    .update(`[${content.join(',')}]`)
    .digest('hex')
}

function required(value: unknown, field: string): string {
  if (typeof value === 'string' && value !== '') return JSON.stringify(value)
  throw new ValidationError([
    { field, reason: 'required', message: 'must be a text that is not empty', kind: kindOf(value) },
  ])
}
