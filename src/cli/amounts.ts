/** Spans, sizes and ages as people write and read them on the command line. */
import { InvalidArgumentError } from 'commander'

import { spanText } from '../admin/spans.ts'
import { isoTime } from '../runtime/iso-time.ts'

const SPAN_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const SPAN_MS_MAX = 365 * 86_400_000

/** @example `spanArgument('5m') // 300000` */
export function spanArgument(text: string): number {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? []
  const ms = Math.round(Number(number) * (SPAN_UNITS[unit ?? ''] ?? NaN))
  if (!(ms <= SPAN_MS_MAX)) throw new InvalidArgumentError('A span is a number with its unit: 500ms, 30s, 5m, 2h, 3d.')
  return ms
}

/** A parser of whole numbers from `min` to `max`. */
export function wholeArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN
    if (!(number >= min && number <= max))
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
    return number
  }
}

const SIZES = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** @example `sizeText(1_572_864) // '1.5 MiB'` */
export function sizeText(bytes: number): string {
  let size = bytes
  let unit = 0
  while (size >= 1_024 && unit < SIZES.length - 1) {
    size /= 1_024
    unit++
  }
  const rounded = unit === 0 || size >= 100 ? Math.round(size) : Math.round(size * 10) / 10
  return `${rounded} ${SIZES[unit]}`
}

/** @example `agoText(atMs, nowMs) // '2026-01-01T14:02:00Z (12 min ago)'` */
export function agoText(atMs: number, nowMs: number): string {
  const stamp = `${isoTime(atMs).slice(0, 19)}Z`
  return atMs > nowMs ? `${stamp} (in ${spanText(atMs - nowMs)})` : `${stamp} (${spanText(nowMs - atMs)} ago)`
}
