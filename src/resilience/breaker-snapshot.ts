/**
 * A breaker's state for another process, or for this one after a restart: times that are left, and the wall time at
 * which that was so. Whatever the wall clock did meanwhile, and whatever the text holds, a restored circuit is never
 * open for longer than an open time can be.
 */

export interface BreakerSnapshot {
  readonly version: 1
  /** When it was taken, on the wall clock. */
  readonly wallMs: number
  /** What was left of the open time; null when closed. */
  readonly openForMs: number | null
  /** Open times in a row that ended in a failed probe. */
  readonly reopenings: number
}

export function snapshotOf(parts: Omit<BreakerSnapshot, 'version'>): BreakerSnapshot {
  return { version: 1, ...parts }
}

/** Null for what is no snapshot. A wall clock that went back takes nothing off what is left. */
export function readSnapshot(
  snapshot: unknown,
  wallMs: number,
  openMsMax: number,
): Pick<BreakerSnapshot, 'openForMs' | 'reopenings'> | null {
  if (typeof snapshot !== 'object' || snapshot === null) return null
  const { version, wallMs: takenAtMs, openForMs, reopenings } = snapshot as { readonly [key: string]: unknown }
  if (version !== 1 || !isNumber(takenAtMs) || !isNumber(reopenings)) return null
  const times = Math.max(0, Math.floor(reopenings))
  if (openForMs === null) return { openForMs: null, reopenings: times }
  if (!isNumber(openForMs)) return null
  const leftMs = openForMs - Math.max(0, wallMs - takenAtMs)
  return { openForMs: Math.min(Math.max(0, leftMs), openMsMax), reopenings: times }
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value)
}
