/**
 * A process that delivers: the client as users have it. Says `ready`, and of each request `s` before it leaves and `r`
 * when it has ended. Closes when its standard input ends.
 */
import { writeSync } from 'node:fs'

import { ResilientCustomerIO } from '../../../src/index.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { inputOfChild } from '../../child.ts'
import { openerOf, type StoreName } from '../stores.ts'

export interface ConsumerInput {
  readonly store: StoreName
  readonly url: string
  readonly baseUrl: string
  readonly leaseMs: number
  readonly attemptMs: number
}

const { store, url, baseUrl, leaseMs, attemptMs } = inputOfChild() as ConsumerInput
const cio = new ResilientCustomerIO({
  siteId: 'site',
  apiKey: 'key',
  baseUrl,
  outbox: await openerOf(store, url),
  rateLimit: { perSecond: Infinity },
  // Many requests: each is a chance to meet it.
  batch: { operationsMax: 50 },
  concurrency: 4,
  retry: { baseMs: 50, capMs: 500 },
  timeouts: { callMs: attemptMs, batchMs: attemptMs, leaseMs },
  runtime: {
    ...systemRuntime,
    async fetch(request) {
      writeSync(1, 's\n')
      try {
        return await systemRuntime.fetch(request)
      } finally {
        writeSync(1, 'r\n')
      }
    },
  },
})
process.stdin.resume().once('end', () => void cio.close())
await cio.ready()
writeSync(1, 'ready\n')
