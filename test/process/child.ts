/** A process of an application, to be killed: it calls without end and writes down each receipt. Started with its input as JSON. */
import { writeSync } from 'node:fs'
import { setTimeout as passed } from 'node:timers/promises'

import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'

interface ChildInput {
  readonly path: string
  readonly baseUrl: string
  /** Numbers begin here. */
  readonly first: number
  /** Names its people. */
  readonly name: string
}

const input = JSON.parse(process.argv[2] ?? '') as ChildInput
const cio = new ResilientCustomerIO({
  siteId: 'site',
  apiKey: 'key',
  baseUrl: input.baseUrl,
  rateLimit: { perSecond: 1_000 },
  outbox: sqliteOutbox({ path: input.path, reserveBytes: 4_096 }),
})
cio.on((event) => {
  if (event.type === 'role') writeSync(1, `role ${event.role}\n`)
})

let number = input.first
async function caller(person: string): Promise<void> {
  for (;;) {
    const n = number++
    await cio.track(person, 'called', { n })
    writeSync(1, `receipt ${n}\n`)
    // Slower than the one who reads, or the pipe fills.
    await passed(10)
  }
}
await Promise.all(Array.from({ length: 8 }, (_, index) => caller(`${input.name}-${index}`)))
