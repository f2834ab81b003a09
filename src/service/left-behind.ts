/**
 * A workspace that was switched from its file to a server: what waits in the file would be delivered by nobody, and what is
 * called later would overtake it. So such a relay does not start before the file is empty.
 */
import { existsSync } from 'node:fs'

import { isShared, outboxFileOf, type RelayConfig } from '../config/index.ts'
import { codeOf } from '../errors.ts'
import { readOutboxFile } from '../outbox/sqlite/read-file.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { StartError } from './start-error.ts'

/** Dead letters alone are no obstacle: nothing overtakes them. */
export interface LeftBehind {
  readonly workspace: string
  readonly path: string
  readonly deadLetters: number
}

/**
 * @returns the files that hold dead letters only
 * @throws StartError when operations wait in one of them, or when it cannot be read
 */
export async function checkLeftBehind(config: RelayConfig, runtime: Runtime): Promise<readonly LeftBehind[]> {
  const found: LeftBehind[] = []
  for (const [workspace, { outbox }] of Object.entries(config.workspaces)) {
    const path = outboxFileOf(config.dataDir, workspace)
    if (!isShared(outbox.kind) || !existsSync(path)) continue
    const { waiting, deadLetters } = await countsOf(path, runtime)
    if (waiting > 0)
      throw new StartError('config', 'LEFT_BEHIND', waitingText(workspace, path, waiting, outbox.kind), null)
    if (deadLetters > 0) found.push({ workspace, path, deadLetters })
  }
  return found
}

async function countsOf(
  path: string,
  runtime: Runtime,
): Promise<{ readonly waiting: number; readonly deadLetters: number }> {
  try {
    const reader = readOutboxFile(path, runtime)
    try {
      return await reader.stats()
    } finally {
      reader.close()
    }
  } catch (error) {
    const message = `whether operations wait in the former outbox ${path} cannot be read (${codeOf(error)}); see holdfast doctor, or move the file away`
    throw new StartError('store', codeOf(error), message, error)
  }
}

function waitingText(workspace: string, path: string, waiting: number, kind: string): string {
  const many = waiting === 1 ? '1 operation waits' : `${waiting} operations wait`
  return `${many} in ${path}, the former outbox of ${workspace}, and with outbox.kind ${kind} nobody would deliver them: start once with outbox.kind sqlite until "holdfast drain" ends, or move the file away`
}
