/** An operator's handle on an outbox in which all deliver: it sees and acts as the others do, and is not counted among them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { bullmqOutbox } from '../../src/outbox/bullmq.ts'
import { entryOf, type NewEntry } from '../../src/outbox/entry.ts'
import { lookInto, type SharedOutbox } from '../../src/outbox/of-kind.ts'
import type { OpenOutbox, Outbox, OutboxNotice } from '../../src/outbox/outbox.ts'
import { migratePostgres, postgresOutbox } from '../../src/outbox/postgres.ts'
import { createOperation } from '../../src/protocol/operation.ts'
import { systemRuntime as runtime } from '../../src/runtime/system.ts'
import { startPostgres } from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import { until } from '../until.ts'

interface Server {
  readonly described: SharedOutbox
  readonly delivering: OpenOutbox
  readonly stop: () => Promise<void>
}

async function onRedis(): Promise<Server> {
  const redis = await startRedis()
  const options = { connection: redis.url, spill: false } as const
  return { described: { kind: 'bullmq', options }, delivering: bullmqOutbox(options), stop: () => redis.stop() }
}

async function onPostgres(): Promise<Server> {
  const postgres = await startPostgres()
  const options = { connectionString: await postgres.database() }
  await migratePostgres(options)
  return { described: { kind: 'postgres', options }, delivering: postgresOutbox(options), stop: () => postgres.stop() }
}

interface Handle {
  readonly outbox: Outbox
  readonly notices: OutboxNotice[]
}

async function opened(open: OpenOutbox): Promise<Handle> {
  const notices: OutboxNotice[] = []
  const outbox = await open({ runtime, workspace: 'site', notice: (notice) => void notices.push(notice) })
  return { outbox, notices }
}

function pausesOf({ notices }: Handle): readonly (string | null)[] {
  return notices.flatMap((notice) => (notice.type === 'paused' ? [notice.pause?.who ?? null] : []))
}

function entry(): NewEntry {
  const call = {
    type: 'event',
    dialect: 'v1',
    person: { by: 'path', value: 'p' },
    eventType: 'event',
    name: 'order',
    data: {},
  } as const
  return entryOf(createOperation(call, { id: runtime.newId(), acceptedAtMs: runtime.clock.wallMs() }))
}

const WANT = { entriesMax: 10, bytesMax: 1_000_000, leaseMs: 30_000 }

for (const [name, start] of [
  ['redis', onRedis],
  ['postgres', onPostgres],
] as const) {
  test(`on ${name}, a look is no consumer, is told of a pause, and what it replays is delivered by the others`, async () => {
    const server = await start()
    const active = await opened(server.delivering)
    try {
      await active.outbox.append([entry()])
      const { lease, entries } = await active.outbox.claim(WANT)
      const [claimed] = entries
      await active.outbox.settle([{ lease, position: claimed!.position, verdict: { to: 'dead', reason: 'rejected' } }])
      await active.outbox.setPaused({ who: 'ada', why: '', atMs: 1 })

      const look = await opened(lookInto(server.described))
      await until(() => pausesOf(look).at(-1) === 'ada')
      assert.ok(look.notices.some((notice) => notice.type === 'store-report' && notice.report.server.startsWith(name)))
      assert.equal((await look.outbox.stats()).deadLetters, 1)
      await look.outbox.setPaused(null)
      await until(() => pausesOf(active).at(-1) === null)
      const before = active.notices.length
      assert.equal(await look.outbox.resolveDead({ all: true }, 'replay'), 1)
      await until(() => active.notices.slice(before).some(({ type }) => type === 'appended'))
      const again = await active.outbox.claim(WANT)
      assert.deepEqual(
        again.entries.map(({ id }) => id),
        [claimed!.id],
      )
      await look.outbox.close()
      await active.outbox.settle([
        { lease: again.lease, position: again.entries[0]!.position, verdict: { to: 'delivered' } },
      ])

      const second = await opened(server.delivering)
      await until(() => active.notices.some((notice) => notice.type === 'handles' && notice.count === 2))
      await second.outbox.close()
      const counts = active.notices.flatMap((notice) => (notice.type === 'handles' ? [notice.count] : []))
      assert.deepEqual(counts.slice(0, 2), [1, 2])
    } finally {
      await active.outbox.close()
      await server.stop()
    }
  })
}
