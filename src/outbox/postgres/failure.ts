/** What the server or the way to it reports, as an error of this package. */
import { isHoldfastError, OutboxError, type OutboxErrorCode } from '../../errors.ts'

/** Server errors that a second try may not meet: serialization, deadlock, a lock that was waited for too long. */
const again = ['40001', '40P01', '55P03']

export function isWorthAnotherTry(error: unknown): boolean {
  return again.includes(sqlState(error) ?? '')
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505'
}

/** The five characters of an error that the server reported; undefined where it did not. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined
}

/** @param wasSent whether the server may have got the statement */
export function failureOf(error: unknown, wasSent: boolean): unknown {
  if (isHoldfastError(error)) return error
  const state = sqlState(error)
  // A session that is ended by an operator or a shutdown may have committed before.
  const isUnknown = wasSent && (state === undefined || state.startsWith('08') || state.startsWith('57P'))
  return new OutboxError(codeOf(state), sentenceOf(error, state), {
    mayBeStored: isUnknown,
    cause: withoutValues(error),
  })
}

function codeOf(state: string | undefined): OutboxErrorCode {
  if (state === '53100') return 'OUTBOX_DISK_FULL'
  if (state === '25006') return 'OUTBOX_READ_ONLY'
  if (state?.startsWith('XX00') === true && state !== 'XX000') return 'OUTBOX_DAMAGED'
  return 'OUTBOX_UNAVAILABLE'
}

/** Of classes whose messages name settings and tables, and never a value: the message of the server. */
const speaking = /^(?:08|25|28|3D|3F|42|53|55|57)/

function sentenceOf(error: unknown, state: string | undefined): string {
  const text = error instanceof Error ? error.message : String(error)
  if (state === undefined) return `Postgres cannot be reached: ${text}`
  if (['3F000', '42P01', '42883', '42703'].includes(state)) {
    return `the tables of the outbox are not there or are of another version; run \`holdfast migrate\` (${text})`
  }
  return speaking.test(state) ? `Postgres refused: ${text} (${state})` : `Postgres refused with ${state}`
}

/** `detail` and `where` of a server's error may hold values of a row. */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined
  const state = sqlState(error)
  return new Error(state === undefined || speaking.test(state) ? error.message : state)
}
