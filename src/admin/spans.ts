/** Times, spans and amounts in words, the same in the verdict and on the command line. */
import { isoTime } from '../runtime/iso-time.ts'

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** From this distance on, a time of day alone would mislead. */
const SAME_DAY_MS = 20 * 3_600_000

/**
 * A span in its two largest units; below a minute in one.
 * @example `spanText(7_500_000) // '2 h 5 min'`
 */
export function spanText(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1_000)) * 1_000
  const index = UNITS.findIndex(([, unitMs]) => whole >= unitMs)
  if (index === -1) return '0 s'
  const [unit, unitMs] = UNITS[index]!
  const count = Math.floor(whole / unitMs)
  const next = UNITS[index + 1]
  // Seconds say nothing any more beside minutes.
  if (next === undefined || next[0] === 's') return `${count} ${unit}`
  const rest = Math.floor((whole - count * unitMs) / next[1])
  return rest === 0 ? `${count} ${unit}` : `${count} ${unit} ${rest} ${next[0]}`
}

/** @example `timeText(atMs, nowMs) // '14:02 UTC', or with its date where that is not clear` */
export function timeText(atMs: number, nowMs: number): string {
  const iso = isoTime(atMs)
  const time = `${iso.slice(11, 16)} UTC`
  return Math.abs(nowMs - atMs) < SAME_DAY_MS ? time : `${iso.slice(0, 10)} ${time}`
}

/** @example `groupedText(84231) // '84,231'` */
export function groupedText(value: number): string {
  return String(Math.trunc(value)).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
}

/** @example `countText(1, 'operation') // '1 operation'` */
export function countText(count: number, noun: string): string {
  return `${groupedText(count)} ${noun}${count === 1 ? '' : 's'}`
}
