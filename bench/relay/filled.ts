/** Fills the file that the relay's one workspace will open. */
import { join } from 'node:path'

import { measureInChild } from '../child.ts'
import type { FillAnswer, FillInput } from '../fill.ts'
import { CREDENTIALS } from './servers.ts'

export async function fillRelay(dataDir: string, size: number): Promise<void> {
  const input: FillInput = { path: join(dataDir, 'default.db'), size, workspace: CREDENTIALS.siteId }
  const filled = await measureInChild<FillAnswer>(new URL('../fill.ts', import.meta.url), input)
  if (filled.waiting !== size) throw new Error(`the outbox holds ${filled.waiting} of ${size} operations`)
}
