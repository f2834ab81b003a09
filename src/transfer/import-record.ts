/** What stands at one place of a file: a call, or why there is none. */
import type { Problem } from '../errors.ts'
import type { Decoded } from '../protocol/decode.ts'
import type { LinePlace } from './file-lines.ts'
import type { OpenBytes } from './file-bytes.ts'

export interface ImportRecord {
  /** Where it begins, counted from 1. */
  readonly line: number
  /** The last line of it: a record of CSV may have several. */
  readonly lastLine: number
  /** Where what comes after it begins, in bytes. */
  readonly end: number
  /** As it stands in the file; of what is too long the beginning, of what is no UTF-8 what can be shown. */
  readonly raw: string
  readonly decoded: Decoded
}

/** Reads a file's records from a place on. */
export type RecordReader = (bytes: OpenBytes, from: LinePlace) => AsyncGenerator<ImportRecord>

export function badRecord(reason: string, message: string, field: string = 'line', limit?: string): Decoded {
  const problem: Problem = { field, reason, message, ...(limit === undefined ? {} : { limit }) }
  return { ok: false, problems: [problem] }
}

/** A longer line holds no operation that anybody takes. */
export const LINE_BYTES_MAX = 2_000_000

export const TOO_LONG: Decoded = badRecord(
  'too-long',
  `is longer than ${LINE_BYTES_MAX} bytes`,
  'line',
  `${LINE_BYTES_MAX} bytes`,
)

export const NOT_UTF8: Decoded = badRecord('not-utf8', 'holds bytes that are not UTF-8')
