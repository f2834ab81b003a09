/** What the columns of a CSV file mean: from a JSON file and flags to one checked value. Knows no file yet. */
import { TransferError } from './transfer-error.ts'
import { TIME_FORMATS, type TimeFormat } from './time-text.ts'

export type CsvAction = 'identify' | 'event' | 'page' | 'screen' | 'delete' | 'suppress' | 'unsuppress'
export type PersonColumn = 'id' | 'email' | 'phone' | 'cio_id' | 'anonymous_id'
export type CellType = 'string' | 'number' | 'boolean' | 'time' | 'json'

export interface DataColumn {
  readonly column: string
  /** The attribute's name. */
  readonly to: string
  readonly type: CellType
}

export interface CsvMapping {
  readonly as: CsvAction
  /** Columns that name the person, in the order in which they are looked at: the first one that is not empty counts. */
  readonly person: readonly { readonly by: PersonColumn; readonly column: string }[]
  /** Of an event: its column, or one name for all. */
  readonly name: { readonly column: string } | { readonly text: string } | null
  readonly timestamp: { readonly column: string; readonly format: TimeFormat } | null
  /** Attributes or data; null for all columns that nothing else uses, as texts. */
  readonly data: readonly DataColumn[] | null
  /** Of an empty cell: no attribute, or an empty text, by which Customer.io takes an attribute away. */
  readonly empty: 'omit' | 'text'
  /** One character; null: whichever of comma, semicolon, tab and bar the first line has most of. */
  readonly delimiter: string | null
  readonly encoding: string
}

/** As a mapping file has it, and as flags are gathered. */
export interface MappingInput {
  readonly as?: string
  readonly columns?: Readonly<Record<string, string>>
  readonly name?: string
  readonly data?: readonly string[] | Readonly<Record<string, string>>
  readonly timestampFormat?: string
  readonly empty?: string
  readonly delimiter?: string
  readonly encoding?: string
}

const ACTIONS: readonly CsvAction[] = ['identify', 'event', 'page', 'screen', 'delete', 'suppress', 'unsuppress']
const PEOPLE: readonly PersonColumn[] = ['id', 'email', 'phone', 'cio_id', 'anonymous_id']
const TYPES: readonly CellType[] = ['string', 'number', 'boolean', 'time', 'json']
const KEYS = ['as', 'columns', 'name', 'data', 'timestampFormat', 'empty', 'delimiter', 'encoding']
const NAMED: readonly CsvAction[] = ['event', 'page', 'screen']
const WITH_DATA: readonly CsvAction[] = ['identify', 'event', 'page', 'screen']

/** @param text of a mapping file. */
export function readMappingFile(text: string, path: string): MappingInput {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw wrong('', `${path} is no JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('', `${path} must be an object`)
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) throw wrong(unknown, `is not known; the keys are ${KEYS.join(', ')}`)
  for (const [key, member] of Object.entries(value)) {
    const isFit = key === 'columns' ? isTexts(member) : key === 'data' ? isData(member) : typeof member === 'string'
    if (!isFit) {
      const wanted =
        key === 'columns' ? 'an object of texts' : key === 'data' ? 'a list or an object of texts' : 'a text'
      throw wrong(key, `must be ${wanted}`)
    }
  }
  return value
}

/** @throws TransferError (`MAPPING`) naming what is wrong */
export function resolveMapping(input: MappingInput): CsvMapping {
  const as = oneOf('as', input.as, ACTIONS)
  const { columns = {} } = input
  const roles = [...PEOPLE, 'name', 'timestamp']
  for (const role of Object.keys(columns)) {
    if (!roles.includes(role)) throw wrong(`columns.${role}`, `is not known; a column can be ${roles.join(', ')}`)
  }
  const person = PEOPLE.flatMap((by) => (columns[by] === undefined ? [] : [{ by, column: columns[by] }]))
  if (person.length === 0) {
    throw wrong('columns', `none names the person: give one of ${PEOPLE.join(', ')} a column, as in id=customer_id`)
  }
  if (input.data !== undefined && !WITH_DATA.includes(as)) throw wrong('data', `${as} takes no data`)
  return {
    as,
    person,
    name: nameOf(as, input),
    timestamp:
      columns['timestamp'] === undefined
        ? null
        : {
            column: columns['timestamp'],
            format: oneOf('timestampFormat', input.timestampFormat ?? 'auto', TIME_FORMATS),
          },
    data: input.data === undefined ? null : dataOf(input.data),
    empty: oneOf('empty', input.empty ?? 'omit', ['omit', 'text']),
    delimiter: delimiterOf(input.delimiter),
    encoding: encodingOf(input.encoding ?? 'utf-8'),
  }
}

function nameOf(as: CsvAction, { name, columns }: MappingInput): CsvMapping['name'] {
  const column = columns?.['name']
  if (!NAMED.includes(as)) {
    if (name !== undefined || column !== undefined) throw wrong('name', `${as} has no name`)
    return null
  }
  if (name !== undefined && column !== undefined) throw wrong('name', 'is given twice: as one name, and as a column')
  if (name !== undefined) return { text: name }
  if (column !== undefined) return { column }
  throw wrong('name', `an ${as} needs a name: one for all (--name purchase), or a column (--column name=event)`)
}

/** `total`, `total:number`, `Total EUR=total:number`; or by attribute: `{ "total": "Total EUR:number" }`. */
function dataOf(data: NonNullable<MappingInput['data']>): readonly DataColumn[] {
  if (!Array.isArray(data)) {
    return Object.entries(data as Readonly<Record<string, string>>).map(([to, spec]) => ({ ...dataColumnOf(spec), to }))
  }
  const columns = data.map((spec: string) => dataColumnOf(spec))
  const names = new Set<string>()
  for (const { to } of columns) {
    if (names.has(to)) throw wrong('data', `gives the attribute ${to} twice`)
    names.add(to)
  }
  return columns
}

function dataColumnOf(spec: string): DataColumn {
  const colon = spec.lastIndexOf(':')
  const type = colon === -1 ? 'string' : oneOf(`data ${spec}`, spec.slice(colon + 1), TYPES)
  const named = colon === -1 ? spec : spec.slice(0, colon)
  const equals = named.lastIndexOf('=')
  const column = equals === -1 ? named : named.slice(0, equals)
  const to = equals === -1 ? named : named.slice(equals + 1)
  if (column === '' || to === '') throw wrong('data', 'holds a column without a name')
  return { column, to, type }
}

function delimiterOf(delimiter: string | undefined): string | null {
  if (delimiter === undefined) return null
  const character = delimiter === '\\t' || delimiter === 'tab' ? '\t' : delimiter
  if (!/^[^"\r\n\\]$/.test(character)) throw wrong('delimiter', 'must be one character (or `tab`), and no quote')
  return character
}

function encodingOf(label: string): string {
  try {
    const { encoding } = new TextDecoder(label)
    // Lines are found as bytes.
    if (!encoding.startsWith('utf-16')) return encoding
  } catch {}
  throw wrong('encoding', 'must be utf-8, windows-1252 or another encoding that keeps ASCII as it is')
}

function oneOf<const Word extends string>(field: string, value: string | undefined, words: readonly Word[]): Word {
  const found = words.find((word) => word === value)
  if (found === undefined) throw wrong(field, `must be one of ${words.join(', ')}`)
  return found
}

function isTexts(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string')
}

function isData(value: unknown): boolean {
  return isTexts(value)
}

function wrong(field: string, message: string): TransferError {
  return new TransferError('MAPPING', field === '' ? message : `${field}: ${message}`)
}
