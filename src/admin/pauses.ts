/**
 * Pauses of one process that outlive it: one small file for each paused workspace, `<dataDir>/<workspace>.paused`. Its being
 * there is the pause; what is in it says who paused, why and when. Written beside and renamed, so it is whole or absent.
 * A pause for all processes is in the outbox.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { OptionsError } from '../errors.ts'
import type { SharedPause } from '../outbox/outbox.ts'
import type { AdminWorkspace } from './relay.ts'
import type { PauseNote } from './contract.ts'

const NOTE_CHARS_MAX = 10_000
const NO_FILE = 'ENOENT'

/** Undefined where the workspace is not paused. A file that cannot be understood is a pause all the same. */
export function readPause(dataDir: string, workspace: string): PauseNote | undefined {
  let text: string
  try {
    text = readFileSync(pausePath(dataDir, workspace), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === NO_FILE) return undefined
    throw error
  }
  return noteOf(text)
}

/** Resolves the pause of a workspace once it is on the disk. */
export function keepPause(dataDir: string, workspace: string, note: PauseNote): void {
  const path = pausePath(dataDir, workspace)
  mkdirSync(dataDir, { recursive: true })
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    writeSync(file, `${JSON.stringify(note)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
}

/** A pause for all, as it is shown. */
export function pauseNoteOf({ who, why, atMs }: SharedPause): PauseNote {
  return { who, why: why === '' ? null : why, atMs }
}

export function endPause(dataDir: string, workspace: string): void {
  rmSync(pausePath(dataDir, workspace), { force: true })
}

/**
 * Pauses the workspaces that were paused before the restart. To be called before they deliver: in the same turn in which
 * their clients are made, and for those that a new configuration brings.
 * @returns the names of those that are paused
 * @example `applyPauses('holdfast-data', relay.workspaces)`
 */
export function applyPauses(
  dataDir: string,
  workspaces: ReadonlyMap<string, Pick<AdminWorkspace, 'pause'>>,
): readonly string[] {
  const paused = [...workspaces].filter(([name]) => readPause(dataDir, name) !== undefined)
  for (const [, workspace] of paused) workspace.pause()
  return paused.map(([name]) => name)
}

function pausePath(dataDir: string, workspace: string): string {
  if (!/^[^/\\\0]+$/.test(workspace) || workspace.startsWith('.')) {
    throw new OptionsError('workspace', 'cannot be the name of a file')
  }
  return join(dataDir, `${workspace}.paused`)
}

function noteOf(text: string): PauseNote {
  try {
    const { who, why, atMs } = JSON.parse(text.slice(0, NOTE_CHARS_MAX)) as Partial<PauseNote>
    if (typeof who === 'string' && typeof atMs === 'number')
      return { who, why: typeof why === 'string' ? why : null, atMs }
  } catch {}
  return { who: 'unknown', why: null, atMs: 0 }
}
