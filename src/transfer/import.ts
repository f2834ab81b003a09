/**
 * An import: a file's lines, in their order, to a relay or an outbox, each once.
 *
 * One unit is under way at a time, so what is behind a line is never stored before it. After each unit, and at bounded
 * intervals, the progress file says how far everything is stored. A process that is killed in between stores some units
 * again, with the same keys: whoever stored them knows them for duplicates.
 *
 *     file -> lines -> records (ndjson, csv) -> units -> pace -> target -> rejected lines -> progress
 */
import { type Clock, sleep } from '../runtime/clock.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type OpenBytes, openBytes } from './file-bytes.ts'
import type { RecordReader } from './import-record.ts'
import type { ImportTarget, Sent } from './import-target.ts'
import { type Rejection, type Unit, type UnitOptions, unitsOf } from './import-unit.ts'
import { createPace } from './pace.ts'
import { type Progress, writeProgress } from './progress-file.ts'
import { openRejected } from './rejected-file.ts'

export interface ImportJob {
  readonly file: string
  readonly reader: RecordReader
  readonly target: ImportTarget
  readonly units: UnitOptions
  /** Where to begin; written on from there. */
  readonly progress: Progress
  /** Operations a second. */
  readonly perSecond: number
  /** How long to wait for a relay that does not take anything, in milliseconds. */
  readonly patienceMs: number
  /** With more bad lines than this the import stops. */
  readonly rejectedMax: number
  /** Ends it after the unit under way. */
  readonly signal: AbortSignal
  readonly runtime: Runtime
  readonly onState?: (state: ImportState) => void
}

/** How it goes, after each unit and at each wait. */
export interface ImportState {
  readonly progress: Progress
  /** Bytes of the file that were read. */
  readonly readBytes: number
  /** Why nothing moves, while it waits for the target. */
  readonly waiting: string | null
}

export type ImportEnd =
  | { readonly how: 'done' }
  | { readonly how: 'interrupted' }
  /** The target took nothing for `patienceMs`. */
  | { readonly how: 'gave-up'; readonly reason: string }
  | { readonly how: 'refused'; readonly why: Extract<Sent, { kind: 'refused' }>['why']; readonly reason: string }
  | { readonly how: 'too-many-bad' }

export interface ImportReport {
  readonly end: ImportEnd
  readonly progress: Progress
}

/** The progress is written when so much time has passed, or so many operations were stored: far fewer than keys are remembered. */
const SAVE_EVERY_MS = 250
const SAVE_EVERY_OPERATIONS = 10_000

const WAIT_BASE_MS = 250
const WAIT_CAP_MS = 10_000

/** @throws TransferError when the file or its progress file fails */
export async function runImport(job: ImportJob): Promise<ImportReport> {
  const bytes = openBytes(job.file, job.progress.offset)
  const rejected = openRejected(job.file, job.progress.rejectedBytes)
  try {
    return await new Import(job, bytes, rejected).run()
  } finally {
    bytes.close()
    rejected.close()
  }
}

class Import {
  readonly #job: ImportJob
  readonly #bytes: OpenBytes
  readonly #rejected: ReturnType<typeof openRejected>
  readonly #clock: Clock
  #progress: Progress
  #savedAtMs: number
  #unsaved = 0

  constructor(job: ImportJob, bytes: OpenBytes, rejected: ReturnType<typeof openRejected>) {
    this.#job = job
    this.#bytes = bytes
    this.#rejected = rejected
    this.#clock = job.runtime.clock
    this.#progress = job.progress
    this.#savedAtMs = -Infinity
  }

  async run(): Promise<ImportReport> {
    const { job, end } = { job: this.#job, end: await this.#sendAll() }
    this.#progress = { ...this.#progress, state: end.how === 'done' ? 'done' : 'running' }
    this.#save()
    job.onState?.(this.#state(null))
    return { end, progress: this.#progress }
  }

  async #sendAll(): Promise<ImportEnd> {
    const { reader, units, signal, progress, perSecond, rejectedMax } = this.#job
    const pace = createPace(this.#clock, perSecond)
    const records = reader(this.#bytes, { offset: progress.offset, line: progress.line })
    for await (const unit of unitsOf(records, units)) {
      await pace.take(unit.items.length, signal)
      if (signal.aborted) return { how: 'interrupted' }
      const sent = await this.#sendPatiently(unit)
      if (!('kind' in sent)) return sent
      this.#note(unit, sent)
      if (this.#progress.rejected > rejectedMax) return { how: 'too-many-bad' }
    }
    return { how: 'done' }
  }

  /** Again and again until it is stored, refused for good, or nobody wants to wait any longer. */
  async #sendPatiently(unit: Unit): Promise<Extract<Sent, { kind: 'stored' }> | ImportEnd> {
    const { target, signal, patienceMs, runtime, onState } = this.#job
    const startedMs = this.#clock.monotonicMs()
    for (let attempt = 0; ; attempt++) {
      const sent = await target.send(unit)
      if (sent.kind === 'stored') return sent
      if (sent.kind === 'refused') return { how: 'refused', why: sent.why, reason: sent.reason }
      const leftMs = startedMs + patienceMs - this.#clock.monotonicMs()
      if (leftMs <= 0) return { how: 'gave-up', reason: sent.reason }
      onState?.(this.#state(sent.reason))
      const backoffMs = Math.min(WAIT_CAP_MS, WAIT_BASE_MS * 2 ** attempt) * (0.5 + runtime.random() / 2)
      await sleep(this.#clock, Math.min(leftMs, sent.afterMs ?? backoffMs), signal, 'held')
      if (signal.aborted) return { how: 'interrupted' }
    }
  }

  #note(unit: Unit, sent: Extract<Sent, { kind: 'stored' }>): void {
    const refused = sent.refused.map(({ index, problems }): Rejection => {
      const { line, raw } = unit.items[index]!.record
      return { line, raw, problems }
    })
    const bad = [...unit.rejected, ...refused].sort((a, b) => a.line - b.line)
    this.#rejected.write(bad)
    this.#progress = {
      ...this.#progress,
      offset: unit.end,
      line: unit.line,
      stored: this.#progress.stored + unit.items.length - refused.length,
      duplicates: this.#progress.duplicates + (sent.duplicates ?? 0),
      rejected: this.#progress.rejected + bad.length,
      rejectedBytes: this.#rejected.bytes,
    }
    this.#unsaved += unit.items.length
    const dueAtMs = this.#savedAtMs + SAVE_EVERY_MS
    if (this.#unsaved >= SAVE_EVERY_OPERATIONS || this.#clock.monotonicMs() >= dueAtMs) this.#save()
    this.#job.onState?.(this.#state(null))
  }

  #save(): void {
    this.#progress = { ...this.#progress, updatedAtMs: this.#clock.wallMs() }
    writeProgress(this.#job.file, this.#progress)
    this.#savedAtMs = this.#clock.monotonicMs()
    this.#unsaved = 0
  }

  #state(waiting: string | null): ImportState {
    return { progress: this.#progress, readBytes: this.#bytes.read(), waiting }
  }
}
