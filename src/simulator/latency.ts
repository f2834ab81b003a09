/** How long an answer takes: always the same, or drawn evenly from a range. */
import { OptionsError } from '../errors.ts'
import type { Random } from '../runtime/runtime.ts'

export type LatencyMs = number | { readonly min: number; readonly max: number }

/** A range draws one number of chance, a fixed latency none. */
export function drawLatency(latency: LatencyMs, random: Random): number {
  return typeof latency === 'number' ? latency : latency.min + random() * (latency.max - latency.min)
}

/** @throws OptionsError when it is negative, not finite, or its range is upside down */
export function checkLatency(field: string, latency: LatencyMs): void {
  const { min, max } = typeof latency === 'number' ? { min: latency, max: latency } : latency
  if (!(Number.isFinite(min) && Number.isFinite(max) && min >= 0 && max >= min)) {
    throw new OptionsError(field, 'must be milliseconds, or { min, max } with 0 <= min <= max')
  }
}
