/**
 * Records put together to what is stored as one. Where a unit ends follows from the file and the settings alone, never
 * from time: an import that goes on from the end of a unit makes the same units as one that was not interrupted, and
 * so the same keys.
 */
import type { Problem } from '../errors.ts'
import type { Call } from '../protocol/call.ts'
import { batchBytes, encodeCall, encodeItem } from '../protocol/encode.ts'
import { BATCH_BYTES_MAX, OPERATION_BYTES_MAX } from '../protocol/limits.ts'
import { lintCall } from '../protocol/lint.ts'
import { asV2, type PersonIdentifier } from '../protocol/mapping.ts'
import type { ImportRecord } from './import-record.ts'
import { keyOfLines, lineKey, withEventId } from './line-key.ts'

export interface UnitItem {
  readonly record: ImportRecord
  readonly call: Call
  readonly key: string
}

export interface Rejection {
  readonly line: number
  readonly problems: readonly Problem[]
  readonly raw: string
}

export interface Unit {
  /** Stored together, in this order. Empty where there were bad lines only. */
  readonly items: readonly UnitItem[]
  readonly key: string
  /** Bad lines among and before them. */
  readonly rejected: readonly Rejection[]
  /** The place in the file after all of these. */
  readonly line: number
  readonly end: number
}

export interface UnitOptions {
  readonly fileHash: string
  readonly operationsMax: number
  /** `relay`: a unit is one request, so calls that v2 cannot say stand alone. `outbox`: calls stay as they are. */
  readonly to: 'relay' | 'outbox'
  readonly personIdentifier: PersonIdentifier
  /** Documented limits are checked. */
  readonly lint: boolean
}

/** So many bad lines are kept in memory. */
const REJECTED_MAX = 1_000

export async function* unitsOf(records: AsyncIterable<ImportRecord>, options: UnitOptions): AsyncGenerator<Unit> {
  let items: UnitItem[] = []
  let rejected: Rejection[] = []
  let bytes = 0
  let place = { line: 0, end: 0 }
  const ended = (): Unit => {
    const unit: Unit = { items, key: keyOfLines(items.map(({ key }) => key)), rejected, ...place }
    items = []
    rejected = []
    bytes = 0
    return unit
  }
  for await (const record of records) {
    const judged = judge(record, options)
    if ('problems' in judged) {
      place = { line: record.lastLine, end: record.end }
      rejected.push(judged)
      if (rejected.length >= REJECTED_MAX) yield ended()
      continue
    }
    const alone = options.to === 'relay' && judged.call.dialect === 'v1'
    const size = sizeOf(judged.call)
    const isFull = items.length >= options.operationsMax || batchBytes(items.length + 1, bytes + size) > BATCH_BYTES_MAX
    if (items.length > 0 && (isFull || alone)) yield ended()
    items.push(judged)
    bytes += size
    place = { line: record.lastLine, end: record.end }
    if (alone || items.length >= options.operationsMax) yield ended()
  }
  if (items.length > 0 || rejected.length > 0) yield ended()
}

function judge(record: ImportRecord, options: UnitOptions): UnitItem | Rejection {
  const { decoded, line, raw } = record
  if (!decoded.ok) return { line, raw, problems: decoded.problems }
  const key = lineKey(options.fileHash, record)
  const own = withEventId(decoded.call, key)
  const problems = options.lint ? lintCall(own) : []
  if (problems.length > 0) return { line, raw, problems }
  return { record, key, call: options.to === 'relay' ? batchable(own, options.personIdentifier) : own }
}

/** The v2 form of a call where that says the same and is not too large for it. */
function batchable(call: Call, personIdentifier: PersonIdentifier): Call {
  const v2 = asV2(call, { personIdentifier })
  if (v2 === undefined || call.dialect === 'v2') return call
  return Buffer.byteLength(encodeItem(v2)) <= OPERATION_BYTES_MAX ? v2 : call
}

function sizeOf(call: Call): number {
  return Buffer.byteLength(call.dialect === 'v2' ? encodeItem(call) : (encodeCall(call).body ?? ''))
}
