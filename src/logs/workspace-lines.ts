/**
 * The line of one event of a workspace, for those that are said each time. Fields are chosen one by one: what is not named
 * here is not written.
 */
import type { HoldfastEvent } from '../observe/events.ts'
import type { LogLine } from './log-line.ts'
import { word } from './word.ts'

export function lineOfWorkspace(workspace: string, event: HoldfastEvent): LogLine | null {
  switch (event.type) {
    case 'circuit':
      return { workspace, ...lineOfCircuit(event) }
    case 'parked':
      return {
        event: 'parked',
        workspace,
        code: word(event.reason),
        message:
          event.reason === 'credentials'
            ? 'Customer.io refuses the credentials or the region; calls are stored'
            : 'Customer.io refuses most requests; calls are stored',
        fields: { status: event.status },
      }
    case 'unparked':
      return { event: 'unparked', workspace, message: 'Customer.io takes requests again' }
    case 'paused':
      return {
        event: 'paused',
        workspace,
        message: 'delivery is paused; calls are stored',
        fields: { scope: word(event.scope) },
      }
    case 'resumed':
      return { event: 'resumed', workspace, message: 'the pause is over', fields: { scope: word(event.scope) } }
    case 'handles':
      return {
        event: 'handles',
        workspace,
        message: 'so many processes deliver from the outbox',
        fields: { count: event.count },
      }
    case 'store':
      return lineOfStore(workspace, event)
    case 'spill':
      return lineOfSpill(workspace, event)
    case 'role':
      return {
        event: 'role',
        workspace,
        message: event.role === 'active' ? 'this process delivers' : 'another process may deliver; this one stands by',
        fields: { role: word(event.role) },
      }
    case 'quarantined':
      return {
        event: 'quarantined',
        workspace,
        message: 'a damaged file was set aside',
        fields: { path: event.path, recovered: event.recovered, lost: event.lost },
      }
    case 'request':
      return {
        event: 'request',
        workspace,
        ...(event.reason === undefined ? {} : { code: word(event.reason) }),
        message: 'an attempt has ended',
        fields: {
          entries: event.entries,
          bytes: event.bytes,
          durationMs: Math.round(event.durationMs),
          status: event.status,
          outcome: word(event.outcome),
          probe: event.probe,
        },
      }
    default:
      return null
  }
}

/** The sentences are left to health: they are not of a bounded set. */
function lineOfStore(workspace: string, event: Extract<HoldfastEvent, { readonly type: 'store' }>): LogLine {
  const server = SERVER.test(event.server) ? event.server : 'other'
  const count = event.risks.length
  return count === 0
    ? { event: 'store', workspace, message: 'this server keeps the outbox', fields: { server } }
    : {
        event: 'store-risks',
        workspace,
        message: 'the server of the outbox may lose operations as it is configured; see health',
        fields: { server, count },
      }
}

function lineOfSpill(workspace: string, event: Extract<HoldfastEvent, { readonly type: 'spill' }>): LogLine {
  return event.state === 'begun'
    ? {
        event: 'spilling',
        workspace,
        code: word(event.code),
        message: 'the outbox is away; calls are stored beside it',
      }
    : { event: 'spill-ended', workspace, message: 'all that was stored beside the outbox is in it again' }
}

/** A name and a version. */
const SERVER = /^[a-z]{1,20} [0-9][0-9.]{0,19}$/

const CIRCUIT_LINES = {
  open: { event: 'circuit-open', message: 'Customer.io does not answer well; calls are stored' },
  'half-open': { event: 'circuit-half-open', message: 'one request at a time tries whether Customer.io is back' },
  closed: { event: 'circuit-closed', message: 'Customer.io answers well' },
} as const

function lineOfCircuit({ to, cause }: Extract<HoldfastEvent, { readonly type: 'circuit' }>): LogLine {
  return { ...CIRCUIT_LINES[to], code: word(cause) }
}
