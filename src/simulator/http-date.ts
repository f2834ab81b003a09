/** A wall time as HTTP writes dates (RFC 9110 §5.6.7). Pure arithmetic: `Date` would bring the real clock within reach. */
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const DAY_MS = 86_400_000

/** @param wallMs milliseconds since 1970, UTC; not before it. */
export function httpDate(wallMs: number): string {
  const days = Math.floor(wallMs / DAY_MS)
  const seconds = Math.floor((wallMs - days * DAY_MS) / 1000)
  let year = 1970
  let left = days
  while (left >= yearDays(year)) left -= yearDays(year++)
  let month = 0
  while (left >= monthDays(year, month)) left -= monthDays(year, month++)
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':')
  // 1970-01-01 was a Thursday.
  return `${DAYS[(days + 4) % 7]}, ${two(left + 1)} ${MONTHS[month]} ${year} ${time} GMT`
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

function yearDays(year: number): number {
  return isLeap(year) ? 366 : 365
}

function monthDays(year: number, month: number): number {
  return month === 1 && isLeap(year) ? 29 : MONTH_DAYS[month]!
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
