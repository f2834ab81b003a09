/** A process that is stopped for longer than its leases: others go on with what it had, and it learns of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createCrowd, type Crowd, type Member } from './crowd.ts'

const PEOPLE = 40
const EACH = 3

const options = {
  concurrency: 4,
  batch: { operationsMax: 1 },
  timeouts: { callMs: 1_000, batchMs: 1_000, leaseMs: 4_000 },
} as const

/** Requests that left it. */
function counted(member: Member): { requests: number } {
  const count = { requests: 0 }
  member.network = () => {
    count.requests++
  }
  return count
}

function fill(member: Member, tag: string): Promise<unknown> {
  return Promise.all(
    Array.from({ length: EACH }, (_, n) => n).flatMap((n) =>
      Array.from({ length: PEOPLE }, (_, person) => member.cio.track(`p${person}`, `${tag}${n}`)),
    ),
  )
}

/** Of each person what was applied, in that order; repeats that the provider ignores are left out. */
function appliedOf({ simulator }: Crowd): readonly string[][] {
  return Array.from({ length: PEOPLE }, (_, person) =>
    simulator.ledger
      .events(`p${person}`)
      .filter(({ applied, duplicate }) => applied && !duplicate)
      .map(({ name }) => name!),
  )
}

test('a process that was frozen past its leases sends nothing of what it had: each goes once, and in order', async () => {
  const crowd = createCrowd(2, options, { latencyMs: 200 })
  const { members, soon, clock, simulator, close } = crowd
  const [frozen, other] = members as [Member, Member]
  await soon(Promise.all(members.map(({ cio }) => cio.ready())))
  other.cio.pause()
  const sent = counted(frozen)
  const filled = fill(frozen, 'e')
  await clock.advance(450)
  await soon(filled)
  assert.ok(sent.requests >= 4, `${sent.requests} requests went`)
  frozen.freezer.freeze()
  const before = sent.requests
  other.cio.resume()
  await clock.advance(3_000)
  assert.equal(other.answers.length > 0, true, 'what the frozen one has not claimed goes on')
  await clock.advance(30_000)
  assert.equal((await soon(other.cio.stats())).waiting, 0, 'and the rest when its leases have ended')
  frozen.freezer.thaw()
  await clock.advance(10_000)
  assert.equal(sent.requests, before, 'nothing left it after it went on')
  const lapsed = frozen.events.reduce((sum, event) => sum + (event.type === 'lapsed' ? event.entries : 0), 0)
  assert.ok(lapsed > 4, `${lapsed} were not its own any more`)
  assert.deepEqual(
    appliedOf(crowd),
    Array.from({ length: PEOPLE }, () => ['e0', 'e1', 'e2']),
  )
  const repeats = simulator.ledger.all().filter(({ duplicate }) => duplicate).length
  assert.ok(repeats <= options.concurrency, `${repeats} repeats, all of what was on its way`)

  await soon(fill(frozen, 'later'))
  await soon(frozen.cio.drain())
  assert.ok(sent.requests > before, 'it delivers again')
  const { totals, lost } = await soon(frozen.cio.stats())
  assert.deepEqual([totals.accepted, totals.delivered, lost], [2 * PEOPLE * EACH, 2 * PEOPLE * EACH, 0])
  await close()
})

test('a process that was frozen for less than its leases and attempts goes on with what it has', async () => {
  const crowd = createCrowd(2, options, { latencyMs: 200 })
  const { members, soon, clock, simulator, close } = crowd
  const [frozen] = members as [Member, Member]
  await soon(Promise.all(members.map(({ cio }) => cio.ready())))
  await soon(fill(frozen, 'e'))
  await clock.advance(100)
  for (let freeze = 0; freeze < 3; freeze++) {
    frozen.freezer.freeze()
    await clock.advance(600)
    frozen.freezer.thaw()
    await clock.advance(300)
  }
  await soon(frozen.cio.drain())
  assert.ok(!frozen.events.some(({ type }) => type === 'lapsed'))
  assert.equal(simulator.ledger.all().filter(({ duplicate }) => duplicate).length, 0)
  assert.deepEqual(
    appliedOf(crowd),
    Array.from({ length: PEOPLE }, () => ['e0', 'e1', 'e2']),
  )
  await close()
})
