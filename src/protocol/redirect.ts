/**
 * Where a redirect may lead. Customer.io answers a request for the other data centre with a redirect that must be
 * followed with method, body and credentials kept. Credentials go only where the caller has sent them himself: to the
 * same origin, or, from Customer.io, to another host of Customer.io's, by https and on its usual port.
 */

export type RedirectTarget =
  | { readonly follow: true; readonly url: URL }
  | {
      readonly follow: false
      /** Bounded words, for logs: never the location itself. */
      readonly reason: 'status' | 'no-location' | 'bad-location' | 'userinfo' | 'not-https' | 'foreign-host'
    }

/** 302 and 303 are not among them: they may change the method. */
const STATUSES: readonly number[] = [301, 307, 308]

/** A URL parser has put the name into lower case. */
const CUSTOMER_IO = /^(?:[a-z\d-]+\.)+customer\.io$/

const LOCATION_CHARS_MAX = 8_192

/**
 * Where to send the same request again.
 * @param from the URL that gave the answer; a relative location starts there.
 */
export function redirectTarget(
  answer: { readonly status: number; readonly location: string | null },
  from: URL,
): RedirectTarget {
  if (!STATUSES.includes(answer.status)) return { follow: false, reason: 'status' }
  if (answer.location === null || answer.location === '') return { follow: false, reason: 'no-location' }
  const url = answer.location.length > LOCATION_CHARS_MAX ? null : URL.parse(answer.location, from.href)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return { follow: false, reason: 'bad-location' }
  }
  if (url.username !== '' || url.password !== '') return { follow: false, reason: 'userinfo' }
  if (url.origin === from.origin) return { follow: true, url }
  if (!isCustomerIo(from) || !isCustomerIo(url)) return { follow: false, reason: 'foreign-host' }
  return url.protocol === 'https:' ? { follow: true, url } : { follow: false, reason: 'not-https' }
}

/** A host of Customer.io's, on the usual port of its scheme. */
function isCustomerIo(url: URL): boolean {
  return CUSTOMER_IO.test(url.hostname) && url.port === ''
}
