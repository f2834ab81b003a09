/**
 * `Retry-After` (RFC 9110 §10.2.3): seconds, or a date in one of the three forms that RFC 9110 §5.6.7 makes
 * recipients accept. Customer.io does not document the header; it is honoured where it comes.
 */

/** Nobody waits longer on a header's word; the official SDK stops at the same. */
export const RETRY_AFTER_MS_MAX = 300_000

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Sun, 06 Nov 1994 08:49:37 GMT` and `Sunday, 06-Nov-94 08:49:37 GMT`. */
const FIXED = /^[A-Z][a-z]+, (?<day>\d\d)[ -](?<month>[A-Z][a-z]{2})[ -](?<year>\d{4}|\d\d) (?<time>[\d:]{8}) GMT$/
/** `Sun Nov  6 08:49:37 1994`. */
const ASCTIME = /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>[\d:]{8}) (?<year>\d{4})$/

const TIME = /^(?<hours>[01]\d|2[0-3]):(?<minutes>[0-5]\d):(?<seconds>[0-5]\d|60)$/

/**
 * How long the header asks to wait, at most `RETRY_AFTER_MS_MAX`. Undefined where it asks for nothing: it is not
 * there, it is no header of this kind, or what it asks for is zero or has passed; the caller's own wait then holds.
 */
export function retryAfterMs(header: string | null, nowWallMs: number): number | undefined {
  if (header === null) return undefined
  const text = header.trim()
  const waitMs = /^\d{1,10}(?:\.\d{1,9})?$/.test(text) ? Number(text) * 1_000 : httpDateMs(text, nowWallMs) - nowWallMs
  return waitMs > 0 ? Math.ceil(Math.min(waitMs, RETRY_AFTER_MS_MAX)) : undefined
}

/** A date of HTTP in milliseconds since 1970, or NaN. @param nowWallMs by which a year of two digits is read */
export function httpDateMs(text: string, nowWallMs: number): number {
  const date = (FIXED.exec(text) ?? ASCTIME.exec(text))?.groups
  const time = TIME.exec(date?.['time'] ?? '')?.groups
  const month = MONTHS.indexOf(date?.['month'] ?? '')
  const day = Number(date?.['day'])
  if (date === undefined || time === undefined || month === -1 || day < 1 || day > 31) return Number.NaN
  const seconds = Number(time['hours']) * 3_600 + Number(time['minutes']) * 60 + Number(time['seconds'])
  return (daysSince1970(fullYear(date['year'] ?? '', nowWallMs), month, day) * 86_400 + seconds) * 1_000
}

/** A year of two digits is the one of that name that is less than 50 years ahead (RFC 9110 §5.6.7). */
function fullYear(digits: string, nowWallMs: number): number {
  if (digits.length === 4) return Number(digits)
  const thisYear = 1970 + Math.floor(nowWallMs / (365.2425 * 86_400_000))
  const year = thisYear - (thisYear % 100) + Number(digits)
  return year > thisYear + 50 ? year - 100 : year
}

/** Days of the Gregorian calendar, counted in years that begin in March so that the leap day is the last. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month < 2 ? year - 1 : year
  const marchMonth = (month + 10) % 12
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  return marchYear * 365 + leapDays + Math.floor((marchMonth * 153 + 2) / 5) + day - 1 - 719_468
}
