/** What a request to the admin API says, field by field. Anything that is not known is refused: a slip must not widen an act. */
import { kindOf } from '../protocol/kind.ts'
import { AdminError } from './admin-error.ts'
import {
  type DeadAsk,
  type DeadChoice,
  type DeadFilter,
  LIMIT_MAX,
  POSITIONS_MAX,
  type QueueAsk,
  REASON_CHARS_MAX,
  type PurgeCommand,
  type ResolveCommand,
} from './contract.ts'

const BODY_BYTES_MAX = 256 * 1024
const TEXT_CHARS_MAX = 1_000
const STATUS_MAX = 599

export const DEAD_REASONS = ['rejected', 'expired', 'campaign-window', 'unreadable', 'damaged', 'unknown-fate'] as const
const ORDERS = ['oldest-first', 'newest-first'] as const

export type Fields = Readonly<Record<string, unknown>>

/** The JSON object in a request's body; an empty one for no body. Reads no more than is allowed. */
export async function bodyOf(request: Request, known: readonly string[]): Promise<Fields> {
  const text = await boundedText(request)
  if (text.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new AdminError('invalid-request', 'body: is no JSON', { field: 'body' })
  }
  return objectOf('body', value, known)
}

async function boundedText(request: Request): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of request.body ?? []) {
    bytes += part.byteLength
    if (bytes > BODY_BYTES_MAX) throw new AdminError('body-too-large', `body: is longer than ${BODY_BYTES_MAX} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** The parameters of the query; each once. */
export function queryOf(request: Request, known: readonly string[]): Fields {
  const fields: Record<string, string> = {}
  for (const [name, value] of new URL(request.url).searchParams) {
    if (Object.hasOwn(fields, name)) throw invalid(name, 'is given twice')
    fields[name] = value
  }
  return objectOf('', fields, known)
}

export function objectOf(field: string, value: unknown, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(field, `must be an object, not ${kindOf(value)}`)
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name))
      throw invalid(name.slice(0, 60), `is not known here; known are ${known.join(', ') || 'none'}`)
  }
  return value as Fields
}

export function text(fields: Fields, field: string, charsMax: number = TEXT_CHARS_MAX): string | undefined {
  const value = fields[field]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value === '')
    throw invalid(field, `must be a text that is not empty, not ${kindOf(value)}`)
  if (value.length > charsMax) throw invalid(field, `must be at most ${charsMax} characters long`)
  return value
}

/** A number of a body, or the text of one in a query. */
export function whole(fields: Fields, field: string, min: number, max: number): number | undefined {
  const value = fields[field]
  if (value === undefined || value === null) return undefined
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  if (!Number.isSafeInteger(number) || (number as number) < min || (number as number) > max) {
    throw invalid(field, `must be a whole number from ${min} to ${max}`)
  }
  return number as number
}

export function word<const Word extends string>(
  fields: Fields,
  field: string,
  words: readonly Word[],
): Word | undefined {
  const value = fields[field]
  if (value === undefined || value === null) return undefined
  if (!words.includes(value as Word)) throw invalid(field, `must be one of ${words.join(', ')}`)
  return value as Word
}

export function flag(fields: Fields, field: string): boolean {
  const value = fields[field]
  if (value === undefined || value === null || value === false || value === '0' || value === 'false') return false
  if (value === true || value === '1' || value === 'true') return true
  throw invalid(field, 'must be 1 or 0')
}

export function reasonOf(fields: Fields): string | null {
  return text(fields, 'reason', REASON_CHARS_MAX) ?? null
}

const QUEUE_FIELDS = ['person', 'id', 'order', 'after', 'limit', 'reveal'] as const

export function queueAskOf(request: Request): QueueAsk {
  return pageAskOf(queryOf(request, QUEUE_FIELDS))
}

export function deadAskOf(request: Request): DeadAsk {
  const fields = queryOf(request, [...QUEUE_FIELDS, 'reason'])
  return { ...pageAskOf(fields), ...defined({ reason: word(fields, 'reason', DEAD_REASONS) }) }
}

function pageAskOf(fields: Fields): QueueAsk {
  return {
    ...defined({
      person: text(fields, 'person'),
      id: text(fields, 'id'),
      order: word(fields, 'order', ORDERS),
      after: text(fields, 'after'),
      limit: whole(fields, 'limit', 1, LIMIT_MAX),
    }),
    reveal: flag(fields, 'reveal'),
  }
}

export async function resolveCommandOf(request: Request): Promise<ResolveCommand> {
  const fields = await bodyOf(request, ['positions', 'all', 'filter', 'expectedCount', 'dryRun', 'reason'])
  return {
    choice: choiceOf(fields),
    ...defined({
      expectedCount: whole(fields, 'expectedCount', 0, Number.MAX_SAFE_INTEGER),
      reason: text(fields, 'reason', REASON_CHARS_MAX),
    }),
    dryRun: flag(fields, 'dryRun'),
  }
}

export async function purgeCommandOf(request: Request): Promise<PurgeCommand> {
  const fields = await bodyOf(request, ['person', 'dryRun', 'reason'])
  const person = text(fields, 'person')
  if (person === undefined) throw invalid('person', 'is missing')
  return { person, dryRun: flag(fields, 'dryRun'), ...defined({ reason: text(fields, 'reason', REASON_CHARS_MAX) }) }
}

function choiceOf(fields: Fields): DeadChoice {
  const { positions } = fields
  const all = flag(fields, 'all')
  if (all === (positions !== undefined)) throw invalid('positions', 'either positions or all: true is needed')
  if (all) return { all, ...(fields['filter'] === undefined ? {} : { filter: filterOf(fields['filter']) }) }
  const isList =
    Array.isArray(positions) &&
    positions.length > 0 &&
    positions.length <= POSITIONS_MAX &&
    positions.every((position) => typeof position === 'string' && position.length <= 100)
  if (!isList) throw invalid('positions', `must be a list of 1 to ${POSITIONS_MAX} texts`)
  if (fields['filter'] !== undefined) throw invalid('filter', 'goes with all: true only')
  return { positions: positions as readonly string[] }
}

function filterOf(value: unknown): DeadFilter {
  const fields = objectOf('filter', value, ['type', 'reason', 'status', 'field', 'person'])
  return defined({
    type: text(fields, 'type'),
    reason: word(fields, 'reason', DEAD_REASONS),
    status: whole(fields, 'status', 100, STATUS_MAX),
    field: text(fields, 'field'),
    person: text(fields, 'person'),
  })
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** Without the members that are undefined. */
function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>
}

function invalid(field: string, message: string): AdminError {
  return new AdminError('invalid-request', field === '' ? message : `${field}: ${message}`, { field })
}
