/** The ways of storing a call durably that are compared. Each takes the same calls and resolves once one is on the disk. */
import { closeSync, fdatasyncSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { Queue } from 'bullmq'
import { Redis } from 'ioredis'

import { ResilientCustomerIO, sqliteOutbox, systemRuntime } from '../../src/index.ts'
import { entryOf } from '../../src/outbox/entry.ts'
import { operationOf, type SampleCall, sampleCalls } from '../sample-calls.ts'
import { openBareLog } from './bare-log.ts'

/**
 * - `client`: `ResilientCustomerIO.track`, delivery paused. - `outbox`: its outbox alone. - `log`: the bare log.
 * - `write`: write and fdatasync, one after the other. - `bullmq`: `Queue.add`.
 */
export type SideName = 'client' | 'outbox' | 'log' | 'write' | 'bullmq'

export interface Side {
  append(index: number): Promise<unknown>
  /** How many calls the store holds, by its own count. */
  close(): Promise<number>
}

const CALLS = 4_096
const calls: readonly SampleCall[] = sampleCalls(CALLS)

function at<T>(list: readonly T[], index: number): T {
  return list[index % CALLS]!
}

export const sides: Readonly<Record<SideName, (folder: string, redisPort: number) => Promise<Side>>> = {
  async client(folder) {
    const cio = new ResilientCustomerIO({
      siteId: 'site',
      apiKey: 'key',
      outbox: sqliteOutbox({ path: join(folder, 'outbox.db') }),
    })
    cio.pause()
    await cio.stats()
    return {
      append(index) {
        const { customerId, name, data } = at(calls, index)
        return cio.track(customerId, { name, data })
      },
      async close() {
        const { waiting } = await cio.close()
        return waiting ?? 0
      },
    }
  },

  async outbox(folder) {
    const open = sqliteOutbox({ path: join(folder, 'outbox.db') })
    const outbox = await open({ runtime: systemRuntime, workspace: 'site', notice: () => {} })
    const operations = calls.map(operationOf)
    return {
      append: (index) => outbox.append([{ ...entryOf(at(operations, index)), id: systemRuntime.newId() }]),
      async close() {
        const { waiting } = await outbox.stats()
        await outbox.close()
        return waiting
      },
    }
  },

  async log(folder) {
    const log = openBareLog(join(folder, 'log'))
    const operations = calls.map(operationOf)
    return {
      append: (index) => log.append(JSON.stringify(at(operations, index))),
      close: () => log.close(),
    }
  },

  async write(folder) {
    const path = join(folder, 'log')
    const file = openSync(path, 'w')
    const operations = calls.map(operationOf)
    let bytes = 0
    let stored = 0
    return {
      async append(index) {
        bytes += writeSync(file, JSON.stringify(at(operations, index)))
        fdatasyncSync(file)
        stored++
      },
      async close() {
        closeSync(file)
        return statSync(path).size === bytes ? stored : 0
      },
    }
  },

  async bullmq(_folder, redisPort) {
    const connection = new Redis({ port: redisPort, maxRetriesPerRequest: null })
    const queue = new Queue('calls', { connection })
    await queue.waitUntilReady()
    return {
      append(index) {
        const { customerId, name, data } = at(calls, index)
        return queue.add(name, { customerId, name, data })
      },
      async close() {
        const waiting = await queue.getWaitingCount()
        await queue.close()
        await connection.quit()
        return waiting
      },
    }
  },
}
