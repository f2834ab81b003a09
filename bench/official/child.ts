/** A process that does one job, to send a number of events, with one of the two libraries. Says how long it took. */
import { join } from 'node:path'

import { TrackClient } from 'customerio-node'

import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { answerOfChild, inputOfChild } from '../child.ts'
import { sampleCalls } from '../sample-calls.ts'

export interface OfficialInput {
  readonly library: 'holdfast' | 'customerio-node'
  readonly baseUrl: string
  readonly size: number
  readonly folder: string
}

export interface OfficialAnswer {
  readonly seconds: number
}

const CONCURRENCY = 32

const { library, baseUrl, size, folder } = inputOfChild() as OfficialInput
const calls = sampleCalls(size)

/** Done when every call was answered. */
async function withOfficialClient(): Promise<void> {
  const cio = new TrackClient('site', 'key', { url: `${baseUrl}/api/v1` })
  let next = 0
  async function caller(): Promise<void> {
    while (next < size) {
      const number = next++
      const { customerId, name, data } = calls[number]!
      await cio.track(customerId, { name, data: { ...data, number } })
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, caller))
}

/** Done when every operation is delivered and that is written down. */
async function withHoldfast(): Promise<void> {
  const cio = new ResilientCustomerIO({
    siteId: 'site',
    apiKey: 'key',
    baseUrl,
    outbox: sqliteOutbox({ path: join(folder, 'outbox.db') }),
    // The official client has no limit either.
    rateLimit: { perSecond: Infinity },
  })
  let delivered = 0
  const all = new Promise<void>((resolve) => {
    cio.on((event) => {
      if (event.type !== 'delivered') return
      delivered += event.entries.length
      if (delivered === size) resolve()
    })
  })
  let next = 0
  async function caller(): Promise<void> {
    while (next < size) {
      const number = next++
      const { customerId, name, data } = calls[number]!
      await cio.track(customerId, { name, data: { ...data, number } })
    }
  }
  await Promise.all([...Array.from({ length: CALLERS }, caller), all])
  await cio.close()
}

/** As in the append case. */
const CALLERS = 256

const startedMs = performance.now()
await (library === 'holdfast' ? withHoldfast() : withOfficialClient())
const answer: OfficialAnswer = { seconds: (performance.now() - startedMs) / 1000 }
answerOfChild(answer)
