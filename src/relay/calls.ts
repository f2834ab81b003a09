/** From a body to its calls. */
import type { Problem } from '../errors.ts'
import { decodeBatch, decodeCall, type Decoded, type Undecodable } from '../protocol/decode.ts'
import type { Route } from '../protocol/route.ts'
import { requestProblem } from './answers.ts'
import { parseExactly } from './json.ts'

/** Routes whose requests are stored. */
export type StoredRoute = Exclude<Route, { readonly name: 'region' }>

type Refused = Pick<Undecodable, 'problems'>

/** More operations in one batch than Customer.io's limit of bytes has room for. */
const BATCH_ITEMS_MAX = 10_000

function parsed(text: string): { readonly value: unknown } | { readonly problem: Problem } {
  if (text === '') return { value: undefined }
  try {
    return { value: parseExactly(text) }
  } catch (error) {
    const message = error instanceof RangeError ? 'nests too deep' : 'is not valid JSON'
    return { problem: requestProblem(message, 'body') }
  }
}

/** The calls of a request; several only of a batch. */
export function callsOf(route: StoredRoute, text: string): readonly Decoded[] | Refused {
  const json = parsed(text)
  if ('problem' in json) return { problems: [json.problem] }
  const { value } = json
  if (route.name !== 'batch') {
    const decoded = decodeCall(route, value)
    return decoded.ok ? [decoded] : decoded
  }
  const items: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'batch') : undefined
  if (Array.isArray(items) && items.length > BATCH_ITEMS_MAX) {
    return { problems: [requestProblem(`holds more than ${BATCH_ITEMS_MAX} operations`, 'batch')] }
  }
  const batch = decodeBatch(value)
  return batch.ok ? batch.items : batch
}

/**
 * A body must be called JSON, or nothing. A form is refused by its name: read as JSON it would be half understood, and a
 * page of a foreign site could send it without asking. Unsubscribing needs the name, as Customer.io does.
 */
export function wrongContentType(
  headers: Pick<Headers, 'get'>,
  route: Route,
  text: string,
): { readonly status: number; readonly message: string } | undefined {
  const type = headers.get('content-type')
  if (type === null) {
    if (route.name !== 'unsubscribe') return undefined
    return { status: 400, message: 'content type must be application/json' }
  }
  if (text === '' || JSON_TYPE.test(type)) return undefined
  return { status: 415, message: 'content type must be application/json' }
}

const JSON_TYPE = /^\s*(?:application|text)\/(?:[\w.-]+\+)?json\s*(?:;|$)/i
