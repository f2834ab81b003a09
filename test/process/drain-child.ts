/** A program that stores calls, is told to send them, waits until they are delivered, and ends. */
import { writeSync } from 'node:fs'

import { ResilientCustomerIO, sqliteOutbox, systemRuntime } from '../../src/index.ts'
import { createSimulator } from '../../src/simulator/index.ts'

const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
const cio = new ResilientCustomerIO({
  siteId: 'site',
  apiKey: 'key',
  runtime: { ...systemRuntime, fetch: simulator.fetch },
  outbox: sqliteOutbox({ path: process.argv[2] ?? '', reserveBytes: 4_096 }),
})
cio.pause()
await Promise.all(['1', '2'].map((person) => cio.identify(person, {})))
cio.resume()
const { drained } = await cio.drain()
writeSync(1, `drained ${drained}\n`)
await cio.close()
