/** A row of a CSV file as a call, once the mapping has been laid over the file's own columns. */
import { type Decoded, decodeItem } from '../protocol/decode.ts'
import type { JsonValue } from '../protocol/json.ts'
import { unreachable } from '../runtime/assert.ts'
import type { CellType, CsvMapping, DataColumn } from './csv-mapping.ts'
import { badRecord } from './import-record.ts'
import { parseTime } from './time-text.ts'
import { TransferError } from './transfer-error.ts'

export type RowReader = (cells: readonly string[]) => Decoded

interface PlacedColumn extends DataColumn {
  readonly index: number
}

/** @throws TransferError (`MAPPING`) when the file has no such column */
export function rowReader(mapping: CsvMapping, header: readonly string[]): RowReader {
  const names = header.map((name) => name.trim())
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated !== undefined) throw new TransferError('MAPPING', `the first line names the column "${repeated}" twice`)
  const place = (column: string): number => {
    const index = names.indexOf(column)
    if (index === -1) {
      throw new TransferError('MAPPING', `the file has no column "${column}"; it has ${quoted(names)}`)
    }
    return index
  }
  const person = mapping.person.map(({ by, column }) => ({ by, index: place(column) }))
  const nameIndex = mapping.name !== null && 'column' in mapping.name ? place(mapping.name.column) : null
  const fixedName = mapping.name !== null && 'text' in mapping.name ? mapping.name.text : null
  const time = mapping.timestamp === null ? null : { ...mapping.timestamp, index: place(mapping.timestamp.column) }
  const used = new Set([...person.map(({ index }) => index), nameIndex, time?.index])
  const withData = mapping.as !== 'delete' && mapping.as !== 'suppress' && mapping.as !== 'unsuppress'
  const data: readonly PlacedColumn[] = !withData
    ? []
    : mapping.data === null
      ? names.flatMap((column, index) => (used.has(index) ? [] : [{ column, to: column, type: 'string', index }]))
      : mapping.data.map((column) => ({ ...column, index: place(column.column) }))
  const unnamed = data.find(({ to }) => to === '')
  if (unnamed !== undefined)
    throw new TransferError('MAPPING', `column ${unnamed.index + 1} has no name in the first line`)

  return (cells) => {
    if (cells.length !== names.length) {
      const message = `has ${cells.length} cells, the first line has ${names.length}`
      return badRecord('cells', message, 'line', `${names.length} cells`)
    }
    const named = person.filter(({ index }) => cells[index] !== '')
    const [who, ...more] = named
    if (who === undefined) return badRecord('required', 'names no person', names[person[0]!.index])
    const attributes: Record<string, JsonValue> = {}
    // An e-mail address beside an id is an attribute of the person.
    if (mapping.as === 'identify') for (const { by, index } of more) define(attributes, by, cells[index]!)
    for (const column of data) {
      const cell = cells[column.index]!
      if (cell === '' && mapping.empty === 'omit') continue
      const value = cell === '' ? '' : valueOf(cell, column.type)
      if (value === undefined) return badRecord('type', `is no ${WORDS[column.type]}`, column.column)
      define(attributes, column.to, value)
    }
    const seconds = time === null || cells[time.index] === '' ? null : secondsOf(cells[time.index]!, time.format)
    if (seconds === undefined) return badRecord('format', 'is no time of the format given', time?.column)
    return decodeItem({
      type: 'person',
      action: mapping.as,
      identifiers: { [who.by]: cells[who.index]! },
      ...(mapping.name === null ? {} : { name: fixedName ?? cells[nameIndex!]! }),
      ...(withData ? { attributes } : {}),
      ...(seconds === null ? {} : { timestamp: seconds }),
    })
  }
}

const WORDS: Readonly<Record<CellType, string>> = {
  string: 'text',
  number: 'number',
  boolean: 'boolean (true, false, yes, no, 1, 0)',
  time: 'time',
  json: 'JSON',
}

const TRUE = new Set(['true', 'yes', 'y', 't', '1'])
const FALSE = new Set(['false', 'no', 'n', 'f', '0'])

function valueOf(cell: string, type: CellType): JsonValue | undefined {
  switch (type) {
    case 'string':
      return cell
    case 'number':
      return /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(cell) && Number.isFinite(Number(cell))
        ? Number(cell)
        : undefined
    case 'boolean': {
      const word = cell.trim().toLowerCase()
      return TRUE.has(word) ? true : FALSE.has(word) ? false : undefined
    }
    case 'time':
      return secondsOf(cell, 'auto')
    case 'json':
      try {
        return JSON.parse(cell) as JsonValue
      } catch {
        return undefined
      }
    default:
      return unreachable(type)
  }
}

function secondsOf(cell: string, format: Parameters<typeof parseTime>[1]): number | undefined {
  const ms = parseTime(cell, format)
  return ms === undefined ? undefined : Math.floor(ms / 1_000)
}

/** As JSON would: a column may be called `__proto__`. */
function define(target: object, key: string, value: JsonValue): void {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}
