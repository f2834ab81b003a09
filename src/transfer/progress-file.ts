/**
 * How far an import has come: `FILE.holdfast-progress`, beside the file. It is written after what it speaks of was
 * stored, under another name and then renamed, so that a kill at any moment leaves the one before or the new one.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'

import { TransferError } from './transfer-error.ts'

export interface Progress {
  readonly version: 1
  readonly state: 'running' | 'done'
  /** Of the file: SHA-256 and size. */
  readonly fileHash: string
  readonly fileBytes: number
  /** Of what decides how lines are read and put together. */
  readonly settings: string
  /** Everything before this place is stored or was refused. */
  readonly offset: number
  readonly line: number
  readonly stored: number
  readonly duplicates: number
  readonly rejected: number
  /** Size of the file of rejected lines at this place. */
  readonly rejectedBytes: number
  readonly startedAtMs: number
  readonly updatedAtMs: number
}

const NUMBERS = [
  'fileBytes',
  'offset',
  'line',
  'stored',
  'duplicates',
  'rejected',
  'rejectedBytes',
  'startedAtMs',
  'updatedAtMs',
] as const

export function progressPath(file: string): string {
  return `${file}.holdfast-progress`
}

/** Undefined where there is none. @throws TransferError where it cannot be read */
export function readProgress(file: string): Progress | undefined {
  const path = progressPath(file)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (Reflect.get(Object(cause), 'code') === 'ENOENT') return undefined
    throw unusable(path, 'cannot be read', cause)
  }
  try {
    const value = JSON.parse(text) as Record<string, unknown>
    const isWhole =
      value['version'] === 1 &&
      (value['state'] === 'running' || value['state'] === 'done') &&
      typeof value['fileHash'] === 'string' &&
      typeof value['settings'] === 'string' &&
      NUMBERS.every((name) => Number.isFinite(value[name]))
    if (isWhole) return value as unknown as Progress
  } catch {}
  throw unusable(path, 'is no progress file of this version; --restart begins anew')
}

export function writeProgress(file: string, progress: Progress): void {
  const path = progressPath(file)
  const fresh = `${path}.new`
  try {
    const handle = openSync(fresh, 'w')
    try {
      writeSync(handle, `${JSON.stringify(progress)}\n`)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(fresh, path)
  } catch (cause) {
    throw unusable(path, 'cannot be written', cause)
  }
}

function unusable(path: string, what: string, cause?: unknown): TransferError {
  return new TransferError('PROGRESS_UNUSABLE', `${path} ${what}`, cause)
}
