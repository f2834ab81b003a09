/** The operations that a request carries, read once and used by the ledger, the faults and the workspace alike. */
import type { Problem } from '../errors.ts'
import type { Call } from '../protocol/call.ts'
import { decodeBatch, decodeCall, type Decoded } from '../protocol/decode.ts'
import type { Route, UnknownRoute } from '../protocol/route.ts'

export interface Operation {
  /** Null when it cannot be read as a call; `problems` then says why. */
  readonly call: Call | null
  readonly problems: readonly Problem[]
  /** Null outside of a batch. */
  readonly batchIndex: number | null
}

export type Parsed =
  | { readonly kind: 'operations'; readonly operations: readonly Operation[] }
  /** The body as a whole cannot be read. */
  | { readonly kind: 'malformed'; readonly problems: readonly Problem[] }
  /** The route carries no operation. */
  | { readonly kind: 'none' }

const NONE: Parsed = Object.freeze({ kind: 'none' })

export function parse(route: Route | UnknownRoute, body: string): Parsed {
  if (route.name === 'region' || route.name === 'unknown') return NONE
  let value: unknown
  if (body !== '') {
    try {
      value = JSON.parse(body)
    } catch {
      return { kind: 'malformed', problems: [{ field: 'body', reason: 'malformed', message: 'is not valid JSON' }] }
    }
  }
  if (route.name !== 'batch') return { kind: 'operations', operations: [operationOf(decodeCall(route, value), null)] }
  const batch = decodeBatch(value)
  return batch.ok
    ? { kind: 'operations', operations: batch.items.map(operationOf) }
    : { kind: 'malformed', problems: batch.problems }
}

function operationOf(decoded: Decoded, batchIndex: number | null): Operation {
  return decoded.ok
    ? { call: decoded.call, problems: [], batchIndex }
    : { call: null, problems: decoded.problems, batchIndex }
}
