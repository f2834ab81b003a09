/**
 * The Track API's routes, both directions: a request line as a route, and a route as a request line.
 *
 * - `routeOf` takes any text, throws on none, and is strict: an escape that is no UTF-8, an empty or a surplus segment
 *   is an unknown route, never a guess.
 * - For every route, `routeOf(requestLine(route))` is that route, also after a URL parser has had the path in hands.
 *   The one exception is a segment that is `.` or `..`: every URL parser takes it for a step in the path, however it
 *   is escaped. `decode.ts` lets no such call through (see `fitsPath`).
 *
 * Source of the routes: the Track API's OpenAPI description. `/push/events` at the root is what the Ruby SDK sends.
 */
import { assert, unreachable } from '../runtime/assert.ts'

/** A route that carries one call. */
export type CallRoute =
  | {
      readonly name: 'identify' | 'delete' | 'add_device' | 'suppress' | 'unsuppress' | 'track'
      readonly identifier: string
    }
  | { readonly name: 'delete_device'; readonly identifier: string; readonly token: string }
  | { readonly name: 'track_anonymous' }
  | { readonly name: 'merge' }
  | {
      readonly name: 'segment'
      readonly action: 'add' | 'remove'
      readonly segmentId: string
      /** The query's `id_type` as it came; `decode.ts` checks it. */
      readonly idType?: string
    }
  | { readonly name: 'metric' }
  | { readonly name: 'push' }
  | { readonly name: 'form'; readonly formId: string }
  | { readonly name: 'unsubscribe'; readonly deliveryId: string }
  /** v2: one operation. */
  | { readonly name: 'entity' }

export type Route = CallRoute | { readonly name: 'region' } | { readonly name: 'batch' }

/** Not a route: 404 for the path, 405 for a known path with another method. */
export interface UnknownRoute {
  readonly name: 'unknown'
  readonly status: 404 | 405
}

/** A method and a path with its query, from the host's root. */
export interface RequestLine {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
}

/** Longer than any identifier or device token needs; what is longer is not looked at. */
const PATH_CHARS_MAX = 16_384

/** `/api/v1/customers/{identifier}/devices/{token}` has the most. */
const SEGMENTS_MAX = 6

const NOT_FOUND: UnknownRoute = Object.freeze({ name: 'unknown', status: 404 })
const METHOD_NOT_ALLOWED: UnknownRoute = Object.freeze({ name: 'unknown', status: 405 })

/**
 * The route of a request.
 * @param pathAndQuery from the host's root, as it stands in the request line, for example `/api/v1/customers/a%20b`.
 */
export function routeOf(method: string, pathAndQuery: string): Route | UnknownRoute {
  if (pathAndQuery.length > PATH_CHARS_MAX) return NOT_FOUND
  const target = pathAndQuery.split('#', 1)[0]!
  const mark = target.indexOf('?')
  const segments = decodeSegments(mark === -1 ? target : target.slice(0, mark))
  const resource = segments && resourceAt(segments, mark === -1 ? '' : target.slice(mark + 1))
  if (!resource) return NOT_FOUND
  return resource.find(([allowed]) => allowed === method)?.[1] ?? METHOD_NOT_ALLOWED
}

/** The request line of a route. */
export function requestLine(route: Route): RequestLine {
  switch (route.name) {
    case 'region':
      return { method: 'GET', path: '/api/v1/accounts/region' }
    case 'identify':
      return { method: 'PUT', path: customer(route.identifier) }
    case 'delete':
      return { method: 'DELETE', path: customer(route.identifier) }
    case 'add_device':
      return { method: 'PUT', path: `${customer(route.identifier)}/devices` }
    case 'delete_device':
      return { method: 'DELETE', path: `${customer(route.identifier)}/devices/${segment(route.token)}` }
    case 'suppress':
    case 'unsuppress':
      return { method: 'POST', path: `${customer(route.identifier)}/${route.name}` }
    case 'track':
      return { method: 'POST', path: `${customer(route.identifier)}/events` }
    case 'track_anonymous':
      return { method: 'POST', path: '/api/v1/events' }
    case 'merge':
      return { method: 'POST', path: '/api/v1/merge_customers' }
    case 'segment': {
      const query = route.idType === undefined ? '' : `?id_type=${encodeURIComponent(route.idType)}`
      return { method: 'POST', path: `/api/v1/segments/${segment(route.segmentId)}/${route.action}_customers${query}` }
    }
    case 'metric':
      return { method: 'POST', path: '/api/v1/metrics' }
    case 'push':
      return { method: 'POST', path: '/api/v1/push/events' }
    case 'form':
      return { method: 'POST', path: `/api/v1/forms/${segment(route.formId)}/submit` }
    case 'unsubscribe':
      return { method: 'POST', path: `/unsubscribe/${segment(route.deliveryId)}` }
    case 'entity':
      return { method: 'POST', path: '/api/v2/entity' }
    case 'batch':
      return { method: 'POST', path: '/api/v2/batch' }
    default:
      return unreachable(route)
  }
}

/** Whether Customer.io wants credentials on a route (the description's `security`): all but three, which name a delivery instead. */
export function needsAuth(route: Route): boolean {
  return route.name !== 'metric' && route.name !== 'push' && route.name !== 'unsubscribe'
}

/** Whether a text can stand as one segment of a path. `.` and `..` cannot: URL parsers resolve them, escaped or not. */
export function fitsPath(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..'
}

function customer(identifier: string): string {
  return `/api/v1/customers/${segment(identifier)}`
}

function segment(text: string): string {
  assert(fitsPath(text), 'a path segment is neither empty nor a step')
  return encodeURIComponent(text)
}

/** The segments after the first slash, unescaped; undefined where one cannot be. */
function decodeSegments(path: string): readonly string[] | undefined {
  if (!path.startsWith('/')) return undefined
  const raw = path.slice(1).split('/', SEGMENTS_MAX + 1)
  if (raw.length > SEGMENTS_MAX || raw.includes('')) return undefined
  try {
    return raw.map((part) => decodeURIComponent(part))
  } catch {
    return undefined
  }
}

/** What is at a path: its methods, each with its route. */
type Resource = readonly (readonly [method: string, route: Route])[]

function resourceAt(segments: readonly string[], query: string): Resource | undefined {
  const [first, second = ''] = segments
  if (first === 'api' && second === 'v1') return resourceOfV1(segments.slice(2), query)
  const path = segments.join('/')
  if (path === 'api/v2/entity') return [['POST', { name: 'entity' }]]
  if (path === 'api/v2/batch') return [['POST', { name: 'batch' }]]
  if (path === 'push/events') return [['POST', { name: 'push' }]]
  if (first === 'unsubscribe' && segments.length === 2) return [['POST', { name: 'unsubscribe', deliveryId: second }]]
  return undefined
}

function resourceOfV1(segments: readonly string[], query: string): Resource | undefined {
  const [first, second = '', third] = segments
  if (first === 'customers' && second !== '') return resourceOfCustomer(second, segments.slice(2))
  if (segments.length === 1) {
    if (first === 'events') return [['POST', { name: 'track_anonymous' }]]
    if (first === 'merge_customers') return [['POST', { name: 'merge' }]]
    if (first === 'metrics') return [['POST', { name: 'metric' }]]
  }
  if (segments.length === 2) {
    if (first === 'accounts' && second === 'region') return [['GET', { name: 'region' }]]
    if (first === 'push' && second === 'events') return [['POST', { name: 'push' }]]
  }
  if (segments.length === 3) {
    if (first === 'forms' && third === 'submit') return [['POST', { name: 'form', formId: second }]]
    if (first === 'segments' && (third === 'add_customers' || third === 'remove_customers')) {
      const idType = new URLSearchParams(query).get('id_type')
      const action = third === 'add_customers' ? 'add' : 'remove'
      return [['POST', { name: 'segment', action, segmentId: second, ...(idType === null ? {} : { idType }) }]]
    }
  }
  return undefined
}

function resourceOfCustomer(identifier: string, rest: readonly string[]): Resource | undefined {
  const [first, token] = rest
  if (first === undefined) {
    return [
      ['PUT', { name: 'identify', identifier }],
      ['DELETE', { name: 'delete', identifier }],
    ]
  }
  if (first === 'devices' && token !== undefined && rest.length === 2) {
    return [['DELETE', { name: 'delete_device', identifier, token }]]
  }
  if (rest.length !== 1) return undefined
  if (first === 'devices') return [['PUT', { name: 'add_device', identifier }]]
  if (first === 'suppress' || first === 'unsuppress') return [['POST', { name: first, identifier }]]
  if (first === 'events') return [['POST', { name: 'track', identifier }]]
  return undefined
}
