/** Reads a whole file and tells what is wrong with it. Sends nothing, and writes nothing. */
import { openBytes } from './file-bytes.ts'
import type { RecordReader } from './import-record.ts'
import { type Rejection, type UnitOptions, unitsOf } from './import-unit.ts'

export interface DryRunReport {
  readonly good: number
  readonly bad: number
  /** How many lines fail by which rule, most first. */
  readonly reasons: readonly { readonly reason: string; readonly field: string; readonly lines: number }[]
  /** The first of them. */
  readonly first: readonly Pick<Rejection, 'line' | 'problems'>[]
  /** Requests that a relay would get. */
  readonly requests: number
}

const FIRST_MAX = 20
const REASONS_MAX = 1_000

export async function dryRun(
  file: string,
  reader: RecordReader,
  units: UnitOptions,
  onBytes: (read: number) => void = () => {},
  signal?: AbortSignal,
): Promise<DryRunReport> {
  const bytes = openBytes(file, 0)
  const reasons = new Map<string, { readonly reason: string; readonly field: string; lines: number }>()
  const first: Pick<Rejection, 'line' | 'problems'>[] = []
  let good = 0
  let bad = 0
  let requests = 0
  try {
    for await (const unit of unitsOf(reader(bytes, { offset: 0, line: 0 }), units)) {
      good += unit.items.length
      bad += unit.rejected.length
      if (unit.items.length > 0) requests++
      for (const { line, problems } of unit.rejected) {
        if (first.length < FIRST_MAX) first.push({ line, problems })
        const { reason, field } = problems[0]!
        const known = reasons.get(`${reason} ${field}`) ?? { reason, field, lines: 0 }
        known.lines++
        if (reasons.size < REASONS_MAX) reasons.set(`${reason} ${field}`, known)
      }
      onBytes(bytes.read())
      if (signal?.aborted) break
    }
  } finally {
    bytes.close()
  }
  return { good, bad, requests, first, reasons: [...reasons.values()].sort((a, b) => b.lines - a.lines) }
}
