/** A workspace whose operations are in a file: read without being a handle, so that nothing is taken from anybody. */
import { createDeadLetters } from '../client/dead-letters.ts'
import { purgePerson } from '../client/purge.ts'
import { createQueue } from '../client/queue.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { sqliteOutbox } from '../outbox/sqlite.ts'
import { type OutboxFileReader, readOutboxFile } from '../outbox/sqlite/read-file.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { notRunning } from './admin-error.ts'
import { stoppedStats, type StoppedWorkspace } from './stopped.ts'

/** Opened when it is first asked for, so that a damaged one does not hide the others. */
export function stoppedFile(path: string, runtime: Runtime): StoppedWorkspace {
  let reader: OutboxFileReader | undefined
  const open = (): OutboxFileReader => (reader ??= readOutboxFile(path, runtime))
  const looking: Pick<Outbox, 'list'> = { list: async (query) => open().list(query) }
  // A handle, as of another process: it may act, and gives everything back at once. It claims nothing.
  async function act(what: (outbox: Outbox) => Promise<number>): Promise<number> {
    const openHandle = sqliteOutbox({ path, onDamage: 'refuse', reserveBytes: 0 })
    const outbox = await openHandle({ runtime, workspace: open().workspace, notice: () => {} })
    try {
      return await what(outbox)
    } finally {
      await outbox.close()
    }
  }
  const acting: Pick<Outbox, 'list' | 'resolveDead'> = {
    ...looking,
    resolveDead: (selection, how) => act((outbox) => outbox.resolveDead(selection, how)),
  }
  return {
    isShared: false,
    queue: createQueue(async () => looking),
    deadLetters: createDeadLetters(
      async () => acting,
      () => {},
    ),
    stats: async () => stoppedStats(await open().stats()),
    isOwned: async () => {
      try {
        return await open().isOwned()
      } catch {
        return false
      }
    },
    store: () => null,
    // The note beside the file is the pause.
    pause: () => {},
    resume: () => {},
    pauseAll: notRunning,
    resumeAll: notRunning,
    purge: (person) => act((outbox) => purgePerson(outbox, person)),
    drain: notRunning,
    close: async () => reader?.close(),
  }
}
