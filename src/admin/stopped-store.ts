/** A workspace whose operations are on a server: an operator's handle, which claims nothing and does not count. */
import { existsSync } from 'node:fs'

import { createDeadLetters } from '../client/dead-letters.ts'
import { purgePerson } from '../client/purge.ts'
import { createQueue } from '../client/queue.ts'
import { lookInto, type SharedOutbox } from '../outbox/of-kind.ts'
import type { Outbox, OutboxNotice, SharedPause, StoreReport } from '../outbox/outbox.ts'
import { readOutboxFile } from '../outbox/sqlite/read-file.ts'
import { sleep } from '../runtime/clock.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { stoppedStats, type StoppedWorkspace } from './stopped.ts'

export interface StoreOfWorkspace {
  readonly name: string
  /** Whose operations these are. */
  readonly siteId: string
  readonly outbox: SharedOutbox
}

const LOOK_MS = 500

export function stoppedStore({ siteId, outbox }: StoreOfWorkspace, runtime: Runtime): StoppedWorkspace {
  const { clock } = runtime
  let report: StoreReport | null = null
  let pausedForAll: SharedPause | null = null
  let opening: Promise<Outbox> | undefined
  const notice = (told: OutboxNotice): void => {
    if (told.type === 'store-report') report = told.report
    if (told.type === 'paused') pausedForAll = told.pause
  }
  const open = (): Promise<Outbox> => (opening ??= lookInto(outbox)({ runtime, workspace: siteId, notice }))
  const waiting = async (): Promise<number> => {
    const stats = await (await open()).stats()
    return stats.waiting + (await spilledIn(outbox, runtime))
  }
  return {
    isShared: true,
    queue: createQueue(open),
    deadLetters: createDeadLetters(open, () => {}),
    async stats() {
      const stats = await (await open()).stats()
      return stoppedStats({ ...stats, spilled: await spilledIn(outbox, runtime) }, pausedForAll)
    },
    isOwned: () => Promise.resolve(false),
    store: () => report,
    pause: () => {},
    resume: () => {},
    async pauseAll({ who, why = '' }) {
      await (await open()).setPaused({ who, why, atMs: clock.wallMs() })
    },
    async resumeAll() {
      await (await open()).setPaused(null)
    },
    purge: async (person) => purgePerson(await open(), person),
    async drain(timeoutMs) {
      const endMs = clock.monotonicMs() + timeoutMs
      for (;;) {
        const left = await waiting()
        if (left === 0) return { drained: true, waiting: 0 }
        const leftMs = endMs - clock.monotonicMs()
        if (leftMs <= 0) return { drained: false, waiting: left }
        await sleep(clock, Math.min(LOOK_MS, leftMs), undefined, 'held')
      }
    },
    async close() {
      const opened = await opening?.catch(() => undefined)
      await opened?.close()
    },
  }
}

/** What a relay of this machine stored beside the server while that was away. */
async function spilledIn({ kind, options }: SharedOutbox, runtime: Runtime): Promise<number> {
  const path = kind === 'bullmq' && options.spill !== false ? options.spill?.path : undefined
  if (path === undefined || !existsSync(path)) return 0
  const reader = readOutboxFile(path, runtime)
  try {
    return (await reader.stats()).waiting
  } finally {
    reader.close()
  }
}
