/** A process of an application that closes on SIGTERM with the two lines of docs/operating.md, and says what it reports. */
import { writeSync } from 'node:fs'

import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'

const { path, baseUrl } = JSON.parse(process.argv[2] ?? '') as { readonly path: string; readonly baseUrl: string }
const cio = new ResilientCustomerIO({
  siteId: 'site',
  apiKey: 'key',
  baseUrl,
  timeouts: { callMs: 120_000, batchMs: 120_000, closeMs: 120_000 },
  outbox: sqliteOutbox({ path, reserveBytes: 4_096 }),
})

process.once('SIGTERM', () => process.once('SIGTERM', () => cio.close({ timeoutMs: 0 })))
process.once('SIGTERM', () => cio.close())

process.on('SIGTERM', () => writeSync(1, 'signal\n'))
cio.on((event) => {
  if (event.type === 'closed') writeSync(1, `closed ${event.waiting} ${event.deadLetters}\n`)
})
// An application's server, which its own handler closes; here it is what is left of the process.
const server = setInterval(() => {}, 60_000)
cio.on((event) => {
  if (event.type === 'closed') clearInterval(server)
})
await Promise.all(['1', '2', '3'].map((person) => cio.track(person, 'called')))
writeSync(1, 'stored\n')
