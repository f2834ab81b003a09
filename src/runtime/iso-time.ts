/** Wall times as ISO 8601 writes them. Pure arithmetic: `Date` would bring the real clock within reach. */

const DAY_MS = 86_400_000
/** Years here begin in March, so that the leap day is their last; an era has 400 of them. */
const ERA_DAYS = 146_097
const ERA_START_DAYS = 719_468

/**
 * @param wallMs milliseconds since 1970, UTC
 * @example `isoTime(1_767_225_600_000) // '2026-01-01T00:00:00.000Z'`
 */
export function isoTime(wallMs: number): string {
  const ms = Math.floor(wallMs)
  const days = Math.floor(ms / DAY_MS)
  const ofDay = ms - days * DAY_MS
  const { year, month, day } = dateOf(days)
  const time = [3_600_000, 60_000, 1_000].map((unit, index) => Math.floor(ofDay / unit) % (index === 0 ? 24 : 60))
  const [hour, minute, second] = time.map((value) => padded(value, 2))
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}T${hour}:${minute}:${second}.${padded(ofDay % 1_000, 3)}Z`
}

/** The Gregorian date, so many days after 1970-01-01. */
function dateOf(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + ERA_START_DAYS
  const era = Math.floor(shifted / ERA_DAYS)
  const ofEra = shifted - era * ERA_DAYS
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1_460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / (ERA_DAYS - 1))) / 365,
  )
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * ofYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  }
}

function padded(value: number, length: number): string {
  return String(value).padStart(length, '0')
}
