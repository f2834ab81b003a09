/** Medians, quantiles, and how numbers are written. */

/** The middle one; the mean of the two middle ones where there is no middle. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** The smallest value that at least this share of the values does not exceed. */
export function quantile(values: readonly number[] | Float64Array, share: number): number {
  if (values.length === 0) throw new Error('there is no quantile of no values')
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** Ratios of two sides that were measured in the same rounds. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((value, round) => value / (theirs[round] ?? Number.NaN))
}

/** `62,300/s`: three digits carry all that a noisy machine can tell. */
export function perSecond(value: number): string {
  return `${rounded(value)}/s`
}

/** A count or rate with three significant digits. */
export function rounded(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 2 })
}

/** A count, exactly. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** `0.62`. */
export function ratio(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1)
}
