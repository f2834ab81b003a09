/** Clients that share an outbox from which all deliver: what one finds out, the others know. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isHoldfastError, memoryOutbox, type OpenOutbox } from '../../src/index.ts'
import type { OutboxNotice } from '../../src/outbox/outbox.ts'
import { createCrowd, type Member } from './crowd.ts'
import { createWorld } from './world.ts'

const failed = (): never => {
  throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
}

function storing(member: Member, from: number, count: number): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, (_, n) => member.cio.identify(`p${from + n}`, { n })))
}

test('a pause for all stops every process, those that come later too, until it is ended for all', async () => {
  const { members, join, soon, close, clock } = createCrowd(3)
  const [first, second] = members as [Member, Member]
  await soon(first.cio.pauseAll({ who: 'ada', why: 'an import runs' }))
  const late = join()
  assert.equal((await soon(late.cio.stats())).paused, true)
  await soon(storing(second, 0, 5))
  await clock.advance(10_000)
  assert.equal(members.flatMap(({ answers }) => answers).length, 0)
  for (const { cio } of members) {
    const health = await soon(cio.health())
    assert.equal(health.status, 'blocked')
    assert.deepEqual({ ...health.pausedForAll, atMs: 0 }, { who: 'ada', why: 'an import runs', atMs: 0 })
    assert.equal((await soon(cio.stats())).pausedForAll?.who, 'ada')
  }
  second.cio.resume()
  await clock.advance(1_000)
  assert.equal(second.answers.length, 0, 'the end of the pause of a process is not the end of that for all')
  first.cio.pause()
  await soon(late.cio.resumeAll())
  await soon(second.cio.drain())
  assert.equal(first.answers.length, 0, 'a process that was paused by itself stays so')
  assert.equal((await soon(first.cio.health())).pausedForAll, null)
  const pauses = second.events.filter(({ type }) => type === 'paused' || type === 'resumed')
  assert.deepEqual(pauses, [
    { type: 'paused', scope: 'all', who: 'ada', why: 'an import runs' },
    { type: 'resumed', scope: 'all' },
  ])
  await close()
})

test('the words of a pause for all are checked', async () => {
  const { cio, soon } = createWorld()
  const wrong: readonly (readonly [string, unknown])[] = [
    ['pause', undefined],
    ['pause', 'ada'],
    ['who', {}],
    ['who', { who: ' ' }],
    ['who', { who: 'x'.repeat(201) }],
    ['why', { who: 'ada', why: 5 }],
    ['why', { who: 'ada', why: 'x'.repeat(1_001) }],
    ['until', { who: 'ada', until: 5 }],
  ]
  for (const [field, words] of wrong) {
    await assert.rejects(
      soon(cio.pauseAll(words as { who: string })),
      (error) => isHoldfastError(error) && error.code === 'INVALID_OPTIONS' && Reflect.get(error, 'field') === field,
      field,
    )
  }
  assert.equal((await soon(cio.stats())).paused, false)
  await soon(cio.close())
})

test('each takes its part of the rate, and takes it back when others leave', async () => {
  const { members, join, soon, close, clock } = createCrowd(2)
  await soon(Promise.all(members.map(({ cio }) => cio.ready())))
  const rates = async (): Promise<readonly number[]> =>
    Promise.all(members.map(async ({ cio }) => (await soon(cio.stats())).perSecond))
  assert.deepEqual(await rates(), [50, 50])
  const third = join()
  await soon(third.cio.ready())
  assert.deepEqual(
    (await rates()).map((rate) => Math.round(rate)),
    [33, 33, 33],
  )
  assert.equal((await soon(third.cio.stats())).handles, 3)
  assert.equal((await soon(third.cio.health())).handles, 3)
  await soon(third.cio.close())
  await soon(members[1]!.cio.close())
  const first = members[0]!
  for (let second = 0; second < 6; second++) {
    await soon(storing(first, second * 10, 10))
    await clock.advance(1_000)
  }
  assert.equal((await soon(first.cio.stats())).perSecond, 100)
  const counts = first.events.flatMap((event) => (event.type === 'handles' ? [event.count] : []))
  assert.deepEqual(counts, [2, 3, 2, 1])
  await close()
})

test('a 429 that one gets slows all: nobody sends in the time that it was told to wait', async () => {
  const { members, soon, simulator, clock, close } = createCrowd(4)
  await soon(Promise.all(members.map(({ cio }) => cio.ready())))
  simulator.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 5, times: 1 })
  await soon(storing(members[0]!, 0, 1))
  await clock.advance(200)
  const hit = members.flatMap(({ answers }) => answers).find(({ status }) => status === 429)
  assert.ok(hit, 'one of them was told')
  for (const [index, member] of members.entries()) await soon(storing(member, 100 * (index + 1), 20))
  await clock.advance(hit.atMs + 4_999 - clock.monotonicMs())
  const after = members.flatMap(({ answers }) => answers).filter(({ atMs }) => atMs > hit.atMs)
  assert.deepEqual(after, [])
  const heeded = members.flatMap(({ events }) => events).filter((event) => event.type === 'heard')
  assert.equal(heeded.length, 3)
  assert.ok(heeded.every(({ said }) => said === 'limited'))
  await soon(members[0]!.cio.drain())
  await close()
})

test('an outage that one has found costs the others hardly a request, and its end is known to all', async () => {
  const { members, soon, clock, close } = createCrowd(4, { concurrency: 2, batch: { operationsMax: 1 } })
  await soon(Promise.all(members.map(({ cio }) => cio.ready())))
  for (const member of members) member.network = failed
  await soon(storing(members[0]!, 0, 200))
  await clock.advance(4_000)
  const counts = members.map(({ answers }) => answers.length)
  const total = counts.reduce((sum, count) => sum + count, 0)
  assert.ok(total <= 10 + 4 * 10, `${counts.join(' ')} requests`)
  assert.ok(
    members.some(({ events }) => events.some((event) => event.type === 'heard' && event.said === 'failing')),
    'somebody heard of it before it found out by itself',
  )
  for (const member of members) member.network = () => {}
  await soon(members[0]!.cio.drain())
  for (const { cio } of members) assert.equal((await soon(cio.stats())).circuitState, 'closed')
  await close()
})

test('a process whose own network is broken stops nobody who gets through', async () => {
  const { members, soon, clock, close } = createCrowd(3, { batch: { operationsMax: 1 } })
  const [broken, ...well] = members as [Member, ...Member[]]
  broken.network = failed
  for (let round = 0; round < 20; round++) {
    await soon(storing(well[0]!, round * 100, 30))
    await clock.advance(1_000)
  }
  await soon(well[0]!.cio.drain())
  const circuits = well.map(({ events }) => events.filter(({ type }) => type === 'circuit').length)
  assert.deepEqual(circuits, [0, 0])
  assert.ok(well.every(({ answers }) => answers.length > 100))
  await close()
})

/** An outbox that says what a test has it say. */
function sayingOutbox(): { readonly open: OpenOutbox; readonly say: (notice: OutboxNotice) => void } {
  const open = memoryOutbox()
  let say: (notice: OutboxNotice) => void = () => {}
  return {
    open: (context) => {
      say = context.notice
      return open(context)
    },
    say: (notice) => say(notice),
  }
}

test('what a server of the outbox may lose is told, and shown by health without making it worse', async () => {
  const { open, say } = sayingOutbox()
  const { cio, soon, events } = createWorld({ outbox: open })
  await soon(cio.ready())
  assert.equal((await soon(cio.health())).store, null)
  const report = { server: 'redis 7.0.15', risks: ['it keeps nothing on a disk'] }
  say({ type: 'store-report', report })
  const health = await soon(cio.health())
  assert.deepEqual([health.status, health.store], ['ok', report])
  assert.deepEqual(
    events.filter(({ type }) => type === 'store'),
    [{ type: 'store', ...report }],
  )
  await soon(cio.close())
})

test('a spill is told, and health is degraded as long as it lasts', async () => {
  const { open, say } = sayingOutbox()
  const { cio, soon, events } = createWorld({ outbox: open })
  await soon(cio.ready())
  say({ type: 'spill', state: 'begun', code: 'OUTBOX_UNAVAILABLE', waiting: 0 })
  const health = await soon(cio.health())
  assert.equal(health.status, 'degraded')
  assert.deepEqual(
    health.reasons.map(({ code }) => code),
    ['spilling'],
  )
  say({ type: 'spill', state: 'ended', code: null, waiting: 0 })
  assert.equal((await soon(cio.health())).status, 'ok')
  assert.equal(events.filter(({ type }) => type === 'spill').length, 2)
  await soon(cio.close())
})

test('a hint and a count that cannot be true change nothing', async () => {
  const { open, say } = sayingOutbox()
  const { cio, soon, events } = createWorld({ outbox: open })
  await soon(cio.ready())
  for (const forMs of [NaN, -1, undefined, 'soon'] as number[]) {
    say({ type: 'hint', hint: { kind: 'limited', forMs } })
    say({ type: 'hint', hint: { kind: 'failing', forMs } })
  }
  for (const count of [0, -3, 1.5, NaN]) say({ type: 'handles', count })
  const stats = await soon(cio.stats())
  assert.deepEqual([stats.perSecond, stats.circuitState, stats.handles], [100, 'closed', null])
  assert.ok(!events.some(({ type }) => type === 'heard' || type === 'handles' || type === 'throttled'))
  await soon(cio.close())
})
