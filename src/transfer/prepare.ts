/** What an import needs to know before its first line: what the file is, how it is read, and where to begin. */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'

import type { Clock } from '../runtime/clock.ts'
import type { CsvMapping } from './csv-mapping.ts'
import { csvReader } from './csv-reader.ts'
import { identityOf } from './file-bytes.ts'
import type { RecordReader } from './import-record.ts'
import type { UnitOptions } from './import-unit.ts'
import { ndjsonReader } from './ndjson-reader.ts'
import { type Progress, progressPath, readProgress } from './progress-file.ts'
import { TransferError } from './transfer-error.ts'

export interface PrepareOptions {
  readonly file: string
  /** How a CSV file is read; null for NDJSON. */
  readonly mapping: CsvMapping | null
  /** Of NDJSON: lines of another workspace are refused. */
  readonly workspace?: string | undefined
  readonly units: Omit<UnitOptions, 'fileHash'>
  /** Forget how far an earlier import came. */
  readonly restart: boolean
  readonly clock: Clock
}

export interface Prepared {
  readonly reader: RecordReader
  readonly units: UnitOptions
  readonly progress: Progress
  /** `fresh`: from the first line. `resumed`: from where an earlier run ended. `done`: there is nothing left to do. */
  readonly start: 'fresh' | 'resumed' | 'done'
}

export async function prepareImport(options: PrepareOptions): Promise<Prepared> {
  const { file, mapping, clock } = options
  const { hash, bytes } = await identityOf(file)
  const units: UnitOptions = { ...options.units, fileHash: hash }
  const reader = mapping === null ? ndjsonReader(options.workspace) : await csvReader(file, mapping)
  const settings = settingsOf(options)
  if (options.restart) rmSync(progressPath(file), { force: true })
  const earlier = readProgress(file)
  if (earlier === undefined) return { reader, units, progress: fresh(hash, bytes, settings, clock), start: 'fresh' }
  if (earlier.fileHash !== hash) {
    const message = `${file} is not the file whose import has begun: its content has changed`
    throw new TransferError('FILE_CHANGED', message)
  }
  if (earlier.settings !== settings) {
    const message = `the import of ${file} began with other settings (mapping, batch size, target or workspace)`
    throw new TransferError('SETTINGS_CHANGED', message)
  }
  return { reader, units, progress: earlier, start: earlier.state === 'done' ? 'done' : 'resumed' }
}

/** Everything that decides which lines become which units. */
function settingsOf({ mapping, workspace, units }: PrepareOptions): string {
  const decisive = [mapping, workspace ?? null, units.operationsMax, units.to, units.personIdentifier, units.lint]
  return createHash('sha256').update(JSON.stringify(decisive)).digest('hex').slice(0, 32)
}

function fresh(fileHash: string, fileBytes: number, settings: string, clock: Clock): Progress {
  const nowMs = clock.wallMs()
  return {
    version: 1,
    state: 'running',
    fileHash,
    fileBytes,
    settings,
    offset: 0,
    line: 0,
    stored: 0,
    duplicates: 0,
    rejected: 0,
    rejectedBytes: 0,
    startedAtMs: nowMs,
    updatedAtMs: nowMs,
  }
}
