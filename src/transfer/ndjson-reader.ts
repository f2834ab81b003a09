/** A file of NDJSON as records: one line each, empty lines left out. */
import type { Decoded } from '../protocol/decode.ts'
import { type FileLine, linesOf } from './file-lines.ts'
import { type ImportRecord, LINE_BYTES_MAX, NOT_UTF8, type RecordReader, TOO_LONG } from './import-record.ts'
import { readLine } from './ndjson-line.ts'

export function ndjsonReader(workspace: string | undefined): RecordReader {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  return async function* read(bytes, from): AsyncGenerator<ImportRecord> {
    for await (const line of linesOf(bytes.chunks, from, LINE_BYTES_MAX)) {
      const { decoded, raw } = recordOf(line, strict, workspace)
      if (decoded !== undefined) yield { line: line.number, lastLine: line.number, end: line.end, raw, decoded }
    }
  }
}

function recordOf(
  { bytes, tooLong }: FileLine,
  strict: { decode(bytes: Uint8Array): string },
  workspace: string | undefined,
): { readonly decoded: Decoded | undefined; readonly raw: string } {
  if (tooLong) return { decoded: TOO_LONG, raw: bytes.toString('utf8') }
  let raw: string
  try {
    raw = strict.decode(bytes)
  } catch {
    return { decoded: NOT_UTF8, raw: bytes.toString('utf8') }
  }
  return { decoded: raw.trim() === '' ? undefined : readLine(raw, workspace), raw }
}
