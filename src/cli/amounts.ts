/** Sizes and ages as people read them. */
import { spanText } from '../admin/spans.ts'
import { isoTime } from '../runtime/iso-time.ts'

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
