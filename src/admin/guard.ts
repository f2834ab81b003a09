/**
 * Who may ask: programs on this machine that know the token. A browser may not, whatever page it shows: its requests carry
 * an `Origin`, and a name that somebody points at this machine (DNS rebinding) is no loopback name.
 */
import { AdminError } from './admin-error.ts'
import { isToken } from './token.ts'

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** Throws `AdminError`, also where the token is right but the way is not. */
export function admit(request: Request, token: string): void {
  const { headers } = request
  if (headers.has('origin')) throw new AdminError('foreign-origin', 'browsers are not served')
  if (!isLoopback(new URL(request.url).hostname) || !isLoopbackHost(headers.get('host'))) {
    throw new AdminError('foreign-host', 'the admin API is asked by a loopback name only, such as 127.0.0.1')
  }
  const [, given] = /^bearer +([\x21-\x7e]+) *$/i.exec(headers.get('authorization') ?? '') ?? []
  if (!isToken(given ?? '', token)) {
    throw new AdminError(
      'unauthorized',
      given === undefined ? 'a bearer token is needed' : 'the token is not the one of this relay',
    )
  }
}

/** @param hostname as in a URL, IPv6 in brackets */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname)
}

function isLoopbackHost(host: string | null): boolean {
  return host === null || isLoopback(host.replace(/:\d+$/, '').toLowerCase())
}
