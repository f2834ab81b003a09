/**
 * What makes a line of a file known again: the file's content, the line's number and its text. The same line of the same
 * file always has the same key, so an import that is resumed, repeated, or whose answers were lost, adds nothing twice.
 */
import { createHash } from 'node:crypto'

import type { Call } from '../protocol/call.ts'
import { ulidOfBytes } from '../runtime/ulid.ts'
import type { ImportRecord } from './import-record.ts'

export function lineKey(fileHash: string, { line, raw }: Pick<ImportRecord, 'line' | 'raw'>): string {
  return createHash('sha256').update(`holdfast import line\n${fileHash}\n${line}\n`).update(raw).digest('hex')
}

/** The key of several lines that are stored as one. */
export function keyOfLines(lineKeys: readonly string[]): string {
  const [first] = lineKeys
  if (lineKeys.length === 1) return `import-${first}`
  const hash = createHash('sha256').update('holdfast import lines\n')
  for (const key of lineKeys) hash.update(key)
  return `import-${hash.digest('hex')}`
}

/** An event gets its id from its line, unless it has one: Customer.io then knows a repeat of it at any later time. */
export function withEventId(call: Call, key: string): Call {
  if (call.type !== 'event' || call.id !== undefined) return call
  return { ...call, id: ulidOfBytes(createHash('sha256').update(`holdfast import event\n${key}`).digest()) }
}
