/**
 * W3C Trace Context, as far as an operation carries it: which trace the call belongs to, so that its delivery, perhaps
 * hours later in another process, can be linked to it. What is malformed is left out, as the recommendation asks.
 */

/** The values of the two headers, checked. */
export interface TraceContext {
  readonly traceparent: string
  readonly tracestate?: string
}

/** Every later version begins as version 00 does; what it has behind the flags is not passed on. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const TRACEPARENT_CHARS_MAX = 256
const TRACESTATE_CHARS_MAX = 512
const TRACESTATE_MEMBERS_MAX = 32
const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/]{0,240}(?:@[a-z][a-z0-9_\-*/]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/**
 * The trace context in a request's headers, to be given to a call as `options.trace`.
 * @returns undefined where there is none, or none that is well formed.
 * @example `const trace = traceOf(request.headers); client.storeCall(decoded, trace === undefined ? {} : { trace })`
 */
export function traceOf(headers: Pick<Headers, 'get'>): TraceContext | undefined {
  return checkTrace(headers.get('traceparent'), headers.get('tracestate'))
}

/** Takes anything; gives a context of bounded length with nothing in it but what the recommendation allows. */
export function checkTrace(traceparent: unknown, tracestate?: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string' || traceparent.length > TRACEPARENT_CHARS_MAX) return undefined
  const match = TRACEPARENT.exec(traceparent.trim())
  if (match === null) return undefined
  const [, version, traceId, parentId, flags, rest] = match as unknown as string[]
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId!) || /^0+$/.test(parentId!)) return undefined
  const state = checkState(tracestate)
  return { traceparent: `00-${traceId}-${parentId}-${flags}`, ...(state === undefined ? {} : { tracestate: state }) }
}

function checkState(tracestate: unknown): string | undefined {
  if (typeof tracestate !== 'string' || tracestate.length > TRACESTATE_CHARS_MAX) return undefined
  const members = tracestate
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '')
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf('='))))
  const isGood = members.length > 0 && members.length <= TRACESTATE_MEMBERS_MAX && keys.size === members.length
  return isGood && members.every((member) => MEMBER.test(member)) ? members.join(',') : undefined
}
