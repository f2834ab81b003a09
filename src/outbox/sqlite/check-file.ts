/**
 * Looks at the file of an outbox from outside, without opening the outbox: whose it is, whether a process delivers from it
 * now, and whether SQLite finds it whole. Nothing is written, recovered or set aside.
 */
import { existsSync, statSync } from 'node:fs'

import type { Clock } from '../../runtime/clock.ts'
import type { Random } from '../../runtime/runtime.ts'
import { Database } from './database.ts'
import { failureOf } from './failure.ts'
import { hasLivingOwner, type OwnerMark } from './owner-mark.ts'
import { checkOurs } from './whose-file.ts'

export type OutboxFileCheck =
  /** There is none yet. */
  | { readonly state: 'absent' }
  | {
      readonly state: 'whole'
      /** `alive`: a process delivers from it; `gone`: one did, and ended without saying so. */
      readonly owner: 'nobody' | 'alive' | 'gone'
      readonly workspace: string
      readonly waiting: number
      readonly deadLetters: number
      readonly bytes: number
      /** Every page was looked at. Not done while a process delivers. */
      readonly checked: boolean
    }
  | { readonly state: 'damaged'; readonly message: string }
  | { readonly state: 'unusable'; readonly code: string; readonly message: string }

export async function checkOutboxFile(path: string, clock: Clock, random: Random): Promise<OutboxFileCheck> {
  const bytes = sizeOf(path)
  const logBytes = sizeOf(`${path}-wal`)
  if (bytes === 0 && logBytes > 0) return { state: 'damaged', message: 'its file is empty or gone, its log is not' }
  if (!existsSync(path)) return { state: 'absent' }
  if (bytes === 0) return { state: 'absent' }
  let database: Database | undefined
  try {
    database = new Database(path, { random, readOnly: true })
    if (checkOurs(database, path) === 'empty') return { state: 'absent' }
    const opened = database
    const { owner } = markIn(database)
    const alive = await hasLivingOwner(() => markIn(opened), clock)
    const [workspace, waiting, deadLetters] =
      database.prepare('SELECT workspace, waiting, dead_letters FROM state').get() ?? []
    const problem = alive ? 'ok' : database.text('PRAGMA quick_check(1)')
    if (problem !== 'ok') return { state: 'damaged', message: problem.replaceAll(/\s+/g, ' ').slice(0, 200) }
    return {
      state: 'whole',
      owner: alive ? 'alive' : owner === 0 ? 'nobody' : 'gone',
      workspace: String(workspace),
      waiting: Number(waiting),
      deadLetters: Number(deadLetters),
      bytes: bytes + logBytes,
      checked: !alive,
    }
  } catch (error) {
    const { code, message } = failureOf(error, path)
    return code === 'OUTBOX_DAMAGED' ? { state: 'damaged', message } : { state: 'unusable', code, message }
  } finally {
    database?.close()
  }
}

function markIn(database: Database): OwnerMark {
  const [owner, beat] = database.prepare('SELECT owner, beat FROM state').get() ?? []
  return { owner: Number(owner), beat: Number(beat) }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
