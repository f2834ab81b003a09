/** A wall time as text, in UTC. `Date` would bring the real clock within reach; a format takes the number as it is. */
const parts = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
})

/** @example `timeText(0) // '1970-01-01T00:00:00.000Z'` */
export function timeText(wallMs: number): string {
  const part = Object.fromEntries(parts.formatToParts(wallMs).map(({ type, value }) => [type, value]))
  const day = `${part['year']}-${part['month']}-${part['day']}`
  return `${day}T${part['hour']}:${part['minute']}:${part['second']}.${part['fractionalSecond']}Z`
}
