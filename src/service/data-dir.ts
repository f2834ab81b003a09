/**
 * The folder of the outboxes. Several relays may share it: each file is delivered by one of them, and a rolling restart on
 * one volume needs the overlap. So a second one is not turned away; it is told who else is there.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

const NOTE = 'relay.pid'

export interface DataDir {
  /** Of a living process of this machine that uses the folder; null when there is none that we know of. */
  readonly otherPid: number | null
  /** Leaves our note, for those who come later. Throws what the file system says. */
  settle(): void
  /** Takes our note away, if it still is ours. Never throws. */
  leave(): void
}

/**
 * Makes the folder where it is missing, for its owner alone, and looks who is there.
 * @throws what the file system says, when it cannot be made
 */
export function enterDataDir(folder: string, pid: number): DataDir {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, NOTE)
  const own = `${JSON.stringify({ pid, host: hostname() })}\n`
  const before = readNote(path)
  const otherPid = before !== null && before.host === hostname() && before.pid !== pid ? before.pid : null
  return {
    otherPid: otherPid !== null && isAlive(otherPid) ? otherPid : null,
    settle: () => writeFileSync(path, own, { mode: 0o600 }),
    leave() {
      try {
        if (readFileSync(path, 'utf8') === own) rmSync(path)
      } catch {
        // A note too many is seen through at the next start.
      }
    },
  }
}

function readNote(path: string): { readonly pid: number; readonly host: string } | null {
  try {
    const note: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof note !== 'object' || note === null) return null
    const { pid, host } = note as { readonly pid?: unknown; readonly host?: unknown }
    return Number.isSafeInteger(pid) && (pid as number) > 0 && typeof host === 'string'
      ? { pid: pid as number, host }
      : null
  } catch {
    return null
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It is there, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
