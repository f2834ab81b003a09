/** How times and sizes are written: a number and its unit. */

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  TB: 1_000_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
  TiB: 1_099_511_627_776,
}

export const DURATION_PATTERN: RegExp = /^(?:0|\d{1,15}(?:\.\d{1,9})?(?:ms|s|m|h|d))$/

export const SIZE_PATTERN: RegExp = /^\d{1,16}(?:\.\d{1,9})?(?:B|[kK]B|MB|GB|TB|KiB|MiB|GiB|TiB)?$/

const PARTS = /^([\d.]+)([a-zA-Z]*)$/

/** Milliseconds of `500ms`, `5s`, `1.5h`; `null` where it is no time, or has no unit. A nought needs none. */
export function parseDuration(text: string): number | null {
  if (!DURATION_PATTERN.test(text)) return null
  if (text === '0') return 0
  return rounded(text, MS_PER_UNIT)
}

/** Bytes of `64KiB`, `10MB`, `2000000`; `null` where it is no size. */
export function parseSize(text: string): number | null {
  if (!SIZE_PATTERN.test(text)) return null
  return rounded(text, BYTES_PER_UNIT)
}

/** The shortest way to write it that `parseDuration` reads back as the same. */
export function formatDuration(ms: number): string {
  return ms === 0 ? '0s' : written(ms, ['d', 'h', 'm', 's', 'ms'], MS_PER_UNIT)
}

/** The shortest way to write it that `parseSize` reads back as the same. */
export function formatSize(bytes: number): string {
  return written(bytes, ['TiB', 'GiB', 'MiB', 'KiB', 'TB', 'GB', 'MB', 'kB', 'B'], BYTES_PER_UNIT)
}

/** A unit's fraction need not be a whole number of the smallest: `0.3ms` is none. */
function rounded(text: string, perUnit: Readonly<Record<string, number>>): number {
  const [, digits = '', unit = ''] = PARTS.exec(text) ?? []
  return Math.round(Number(digits) * (perUnit[unit === '' ? 'B' : unit] ?? Number.NaN))
}

function written(value: number, units: readonly string[], perUnit: Readonly<Record<string, number>>): string {
  for (const unit of units) {
    const count = value / (perUnit[unit] ?? 1)
    if (count >= 1 && Number.isInteger(count)) return `${count}${unit}`
  }
  return `${value}${units.at(-1) ?? ''}`
}
