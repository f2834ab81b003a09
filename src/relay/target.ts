/**
 * The target of a request line, before any URL parser has had it in hands. What two programs in a row could read
 * differently is refused: otherwise a proxy in front and the relay disagree about who is meant.
 */
import { type Route, routeOf, type UnknownRoute } from '../protocol/route.ts'

/** Visible ASCII but for the fragment and the backslash. Other bytes would be read as Latin-1, and name somebody else. */
const ORIGIN_FORM = /^\/[!"$-[\]-~]*$/

/** A step of the path, in any spelling that a URL parser takes for one. */
const STEP = /\/(?:\.|%2e){1,2}(?:\/|$)/i

/** What is wrong with a target, in words; undefined where nothing is. */
export function problemOfTarget(target: string): string | undefined {
  if (!ORIGIN_FORM.test(target)) {
    return target.startsWith('/')
      ? 'the request target holds a character that must be percent-encoded'
      : 'the request target must be a path from the root'
  }
  const path = target.split('?', 1)[0]!
  if (path.includes('//')) return 'the request path holds an empty segment'
  if (path.includes('.') || path.includes('%2')) {
    if (STEP.test(path)) return 'the request path holds a step (. or ..)'
  }
  return /%00/.test(target) ? 'the request target holds a NUL' : undefined
}

/** Path and query of a URL, which is absolute and normalised. */
export function targetOfUrl(url: string): string {
  const from = url.indexOf('/', url.indexOf('//') + 2)
  const to = url.indexOf('#', from)
  return to === -1 ? url.slice(from) : url.slice(from, to)
}

const METHODS = ['GET', 'PUT', 'POST', 'DELETE'] as const

/** The route of a request. `HEAD` asks for what `GET` would. */
export function routeOfTarget(method: string, target: string): Route | UnknownRoute {
  return routeOf(method === 'HEAD' ? 'GET' : method, target)
}

/** The methods that a path knows, for `Allow`. */
export function methodsOf(target: string): readonly string[] {
  const known = METHODS.filter((method) => routeOf(method, target).name !== 'unknown')
  return known.includes('GET') ? [...known, 'HEAD'] : known
}

/** In which dialect a refusal of this target is written. */
export function dialectOfTarget(target: string): 'v1' | 'v2' {
  return target.startsWith('/api/v2/') ? 'v2' : 'v1'
}
