/**
 * A CSV file as records. The file is cut into records here, and each is parsed by itself, so that a broken one harms no
 * other: a quote that is never closed is one bad line, and reading goes on after it.
 *
 * Fields may be quoted, with doubled quotes inside, over several lines. The first record names the columns.
 */
import { parse } from 'csv-parse/sync'

import type { CsvMapping } from './csv-mapping.ts'
import { type RowReader, rowReader } from './csv-row.ts'
import { openBytes } from './file-bytes.ts'
import { type FileLine, linesOf } from './file-lines.ts'
import { badRecord, type ImportRecord, LINE_BYTES_MAX, type RecordReader, TOO_LONG } from './import-record.ts'
import { TransferError } from './transfer-error.ts'

/** A quoted field of more lines than this is taken for a quote that was never closed. */
const RECORD_LINES_MAX = 1_000
const DELIMITERS = [',', ';', '\t', '|']

interface RawRecord {
  readonly line: number
  readonly lastLine: number
  readonly end: number
  /** Undefined where the bytes are not of the encoding. */
  readonly text: string | undefined
  readonly raw: string
  readonly bad?: 'too-long' | 'quote'
}

/** @param path the file, whose first line is read now. @throws TransferError when its columns do not fit the mapping */
export async function csvReader(path: string, mapping: CsvMapping): Promise<RecordReader> {
  const { delimiter, header } = await headOf(path, mapping)
  const readRow = rowReader(mapping, header.cells)
  return async function* read(bytes, from): AsyncGenerator<ImportRecord> {
    // The first record is no data, wherever reading begins.
    for await (const record of rawRecords(linesOf(bytes.chunks, from, LINE_BYTES_MAX), delimiter, mapping.encoding)) {
      if (record.line <= header.lastLine || record.text?.trim() === '') continue
      const { line, lastLine, end, raw } = record
      yield { line, lastLine, end, raw, decoded: decodedOf(record, delimiter, readRow, mapping.encoding) }
    }
  }
}

function decodedOf(
  { text, bad }: RawRecord,
  delimiter: string,
  readRow: RowReader,
  encoding: string,
): ImportRecord['decoded'] {
  if (bad === 'too-long') return TOO_LONG
  if (text === undefined) return badRecord('not-utf8', `holds bytes that are not ${encoding}`)
  if (bad === 'quote') return badRecord('quote', 'opens a quote that is not closed')
  const cells = cellsOf(text, delimiter)
  return cells === undefined ? badRecord('quote', 'holds a quote in the wrong place') : readRow(cells)
}

async function headOf(
  path: string,
  { delimiter: given, encoding }: CsvMapping,
): Promise<{
  readonly delimiter: string
  readonly header: { readonly cells: readonly string[]; readonly lastLine: number }
}> {
  const bytes = openBytes(path, 0)
  try {
    let delimiter = given
    const lines = linesOf(bytes.chunks, { offset: 0, line: 0 }, LINE_BYTES_MAX)
    const first = await lines.next()
    if (first.done === true)
      throw new TransferError('FILE_UNREADABLE', `${path} is empty: a first line names the columns`)
    checkNotUtf16(first.value, path)
    delimiter ??= mostFrequent(first.value.bytes.toString('latin1'))
    for await (const record of rawRecords(joined(first.value, lines), delimiter, encoding)) {
      const cells = record.text === undefined || record.bad ? undefined : cellsOf(record.text, delimiter)
      if (cells === undefined) throw new TransferError('MAPPING', `the first line of ${path} cannot be read as CSV`)
      return { delimiter, header: { cells, lastLine: record.lastLine } }
    }
    throw new TransferError('FILE_UNREADABLE', `${path} is empty: a first line names the columns`)
  } finally {
    bytes.close()
  }
}

function checkNotUtf16({ bytes }: FileLine, path: string): void {
  const mark = bytes.subarray(0, 2).toString('hex')
  if (mark !== 'fffe' && mark !== 'feff') return
  throw new TransferError('FILE_UNREADABLE', `${path} is UTF-16: save it as UTF-8`)
}

async function* joined(first: FileLine, rest: AsyncIterable<FileLine>): AsyncGenerator<FileLine> {
  yield first
  yield* rest
}

function mostFrequent(line: string): string {
  const count = (delimiter: string): number => line.split(delimiter).length
  return DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best))
}

/** Lines put together where a quote is open. A quote that does not end soon enough is given up: its first line is bad, the others are read anew. */
async function* rawRecords(
  lines: AsyncIterable<FileLine>,
  delimiter: string,
  encoding: string,
): AsyncGenerator<RawRecord> {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
  const lenient = new TextDecoder(encoding)
  let held: FileLine[] = []
  let bytes = 0
  let isOpen = false
  const rawOf = (some: readonly FileLine[]): RawRecord => {
    const whole =
      some.length === 1 ? some[0]!.bytes : Buffer.concat(some.flatMap((line) => [line.bytes, FEED])).subarray(0, -1)
    const last = some.at(-1)!
    let text: string | undefined
    try {
      text = decoder.decode(whole)
    } catch {}
    const record = {
      line: some[0]!.number,
      lastLine: last.number,
      end: last.end,
      text,
      raw: text ?? lenient.decode(whole),
    }
    return last.tooLong ? { ...record, bad: 'too-long' } : record
  }
  function* push(line: FileLine): Generator<RawRecord> {
    if (line.tooLong) {
      yield* giveUp()
      yield rawOf([line])
      return
    }
    held.push(line)
    bytes += line.bytes.byteLength
    isOpen = opensQuote(line.bytes, delimiter, isOpen)
    if (!isOpen) {
      yield rawOf(held)
      held = []
      bytes = 0
    } else if (held.length > RECORD_LINES_MAX || bytes > LINE_BYTES_MAX) yield* giveUp()
  }
  function* giveUp(): Generator<RawRecord> {
    const [first, ...again] = held
    held = []
    bytes = 0
    isOpen = false
    if (first === undefined) return
    yield { ...rawOf([first]), bad: 'quote' }
    for (const line of again) yield* push(line)
  }
  for await (const line of lines) yield* push(line)
  while (held.length > 0) yield* giveUp()
}

const FEED = Buffer.from('\n')
const QUOTE = 34

/** Whether a quote is open at the end of a line. One in the middle of an unquoted field opens nothing. */
function opensQuote(line: Buffer, delimiter: string, isOpen: boolean): boolean {
  if (!isOpen && !line.includes(QUOTE)) return false
  const separator = delimiter.charCodeAt(0)
  let open = isOpen
  let atStart = !isOpen
  for (let index = 0; index < line.byteLength; index++) {
    const byte = line[index]
    if (open) {
      if (byte !== QUOTE) continue
      if (line[index + 1] === QUOTE) index++
      else open = false
    } else if (byte === QUOTE && atStart) open = true
    atStart = !open && byte === separator
  }
  return open
}

function cellsOf(text: string, delimiter: string): readonly string[] | undefined {
  try {
    const rows: string[][] = parse(text, { delimiter, relax_column_count: true, record_delimiter: ['\r\n', '\n'] })
    return rows.length === 1 ? rows[0] : undefined
  } catch {
    return undefined
  }
}
