/** Where a run keeps its files: inside the project, because a system's temporary folder is often memory, where a sync costs nothing. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export function openFolder(): { readonly path: string; readonly remove: () => void } {
  const parent = fileURLToPath(new URL('../.tmp', import.meta.url))
  mkdirSync(parent, { recursive: true })
  const path = mkdtempSync(join(parent, 'bench-'))
  // Postgres, started as another user, must be able to go through it.
  chmodSync(path, 0o711)
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
