/** Times as files have them. */

export type TimeFormat = 'auto' | 's' | 'ms' | 'iso'

export const TIME_FORMATS: readonly TimeFormat[] = ['auto', 's', 'ms', 'iso']

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** From here on a number of unix time is in milliseconds: as seconds it would be the year 5138. */
const MILLISECONDS_FROM = 100_000_000_000

/**
 * Milliseconds since 1970, or undefined where the text is no time of this format. A date, and a time without a zone, is
 * taken as UTC.
 */
export function parseTime(text: string, format: TimeFormat): number | undefined {
  const trimmed = text.trim()
  if (format !== 'iso' && /^-?\d{1,16}(?:\.\d{1,9})?$/.test(trimmed)) {
    const number = Number(trimmed)
    const isMs = format === 'ms' || (format === 'auto' && Math.abs(number) >= MILLISECONDS_FROM)
    return isMs ? number : number * 1_000
  }
  return format === 's' || format === 'ms' ? undefined : isoMs(trimmed)
}

function isoMs(text: string): number | undefined {
  const match = ISO.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match
  const days = daysSince1970(Number(year), Number(month), Number(day))
  if (days === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  const offset = zoneMinutes(zone)
  if (offset === undefined) return undefined
  const seconds = days * 86_400 + Number(hour) * 3_600 + (Number(minute) - offset) * 60 + Number(second)
  return seconds * 1_000 + Math.floor(Number(`0.${fraction || '0'}`) * 1_000)
}

function zoneMinutes(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', '') || '0')
  if (hours > 14 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}

/** Days of the Gregorian calendar, counted in years that begin in March so that the leap day is the last. */
function daysSince1970(year: number, month: number, day: number): number | undefined {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1]!) return undefined
  const marchYear = month <= 2 ? year - 1 : year
  const marchMonth = (month + 9) % 12
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  return marchYear * 365 + leapDays + Math.floor((marchMonth * 153 + 2) / 5) + day - 1 - 719_468
}
