/** An outage from its begin to its end: opening, restarts, claims, and delivery from the file. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OutboxError } from '../../../src/errors.ts'
import type { Claim, Outbox } from '../../../src/outbox/outbox.ts'
import { entry, idsOf } from '../../../src/testing/outbox-conformance/scene.ts'
import { settled } from '../../virtual-time.ts'
import { drained, idsIn, inScene, type SpillHandle, spillsOf } from './scene.ts'

const want = { entriesMax: 100, bytesMax: 1_000_000, leaseMs: 10_000 }
const delivered = { to: 'delivered' } as const

async function deliver(outbox: Outbox, claim: Claim): Promise<readonly string[]> {
  const states = await outbox.settle(
    claim.entries.map(({ position }) => ({ lease: claim.lease, position, verdict: delivered })),
  )
  return claim.entries.map(({ id }, index) => `${id} ${states[index]}`)
}

test(
  'it opens while the remote outbox is away, and drains once that is there',
  inScene(async ({ open, remote, network, runtime }) => {
    network.fate = () => 'refused'
    const { outbox, notices } = await open()
    assert.deepEqual(notices, [
      { type: 'role', role: 'active' },
      { type: 'spill', state: 'begun', code: 'OUTBOX_UNAVAILABLE', waiting: 0 },
    ])
    assert.equal((await outbox.append([entry('1')]))[0]?.spilled, true)
    await runtime.clock.advance(600_000)
    const opens = network.calls.length
    assert.ok(opens > 100 && opens < 200, `${opens} tries in ten minutes`)
    network.fate = () => 'well'
    await drained(outbox, runtime.clock)
    assert.deepEqual(await idsIn(remote), ['1'])
    assert.equal(spillsOf(notices).at(-1), 'ended null 0')
    assert.ok(
      notices.some(({ type }) => type === 'appended'),
      'a claim is worth it now',
    )
  }),
)

test(
  'a remote outbox that does not open in time is away',
  inScene(async ({ open, remote, runtime }) => {
    let goOn: (() => void) | undefined
    const opening = open({
      openRemote: () => new Promise((resolve) => (goOn = () => resolve(remote))),
    })
    let isOpen = false
    void opening.then(() => (isOpen = true))
    await runtime.clock.advance(4_999)
    assert.equal(isOpen, false)
    await runtime.clock.advance(1)
    const { outbox } = await opening
    assert.equal((await outbox.append([entry('1')]))[0]?.spilled, true)
    goOn!()
    await drained(outbox, runtime.clock)
    assert.deepEqual(await idsIn(remote), ['1'])
  }),
)

test(
  'what else keeps the remote outbox from opening is told at once, and later to those who need it',
  inScene(async ({ open, network, runtime, openFile }) => {
    const newer = new OutboxError('OUTBOX_NEWER_VERSION', 'a later version')
    const openRemote = (): Promise<never> => Promise.reject(newer)
    await assert.rejects(open({ openRemote }), { code: 'OUTBOX_NEWER_VERSION' })
    const file = await openFile()
    assert.equal((await file.claim(want)).role, 'active', 'the file is free again')
    await file.close()
    network.fate = () => 'refused'
    const { outbox } = await open({ openRemote })
    network.fate = () => 'well'
    await runtime.clock.advance(10_000)
    assert.equal((await outbox.append([entry('1')]))[0]?.spilled, true)
    await assert.rejects(outbox.list({ from: 'waiting', limit: 1 }), { code: 'OUTBOX_NEWER_VERSION' })
  }),
)

test(
  'what a former process left goes over first; until then this one appends behind it',
  inScene(async ({ open, remote, network, runtime }) => {
    const first = await open()
    network.fate = () => 'refused'
    await first.outbox.append([entry('1'), entry('2')])
    first.kill()
    network.fate = (call) => (call === 'append' ? 'refused' : 'well')
    const second = await open()
    assert.deepEqual(spillsOf(second.notices), ['begun null 2'])
    assert.equal((await second.outbox.append([entry('3')]))[0]?.spilled, true)
    network.fate = () => 'well'
    await runtime.clock.advance(20_000)
    assert.deepEqual(await idsIn(remote), ['1', '2', '3'])
    assert.equal((await second.outbox.append([entry('4')]))[0]?.spilled, undefined)
    assert.equal(spillsOf(second.notices).at(-1), 'ended null 0')
  }),
)

test(
  'a call right after the start does not overtake what a former process left, although the remote outbox would take it',
  inScene(async ({ open, remote, network, runtime }) => {
    const first = await open()
    network.fate = () => 'refused'
    await first.outbox.append([entry('1')])
    first.kill()
    let appends = 0
    network.fate = (call) => (call === 'append' && ++appends === 1 ? 'slow' : 'well')
    const { outbox } = await open()
    const [second] = await settled(outbox.append([entry('2')]), runtime.clock)
    assert.equal(second?.spilled, true)
    await drained(outbox, runtime.clock)
    assert.deepEqual(await idsIn(remote), ['1', '2'])
  }),
)

test(
  'a process that dies between the two writes of a batch leaves it to the next one, which repeats it unheard',
  inScene(async ({ open, remote, network, runtime }) => {
    const first = await open()
    network.fate = () => 'refused'
    await first.outbox.append([entry('1'), entry('2'), entry('3')])
    // The batch arrives, and its process hears no answer any more.
    network.fate = (call) => (call === 'append' ? 'lost' : 'well')
    await runtime.clock.advance(500)
    assert.deepEqual(await idsIn(remote), ['1', '2', '3'])
    first.kill()
    network.fate = () => 'well'
    const second = await open()
    await second.outbox.append([entry('4')])
    await runtime.clock.advance(20_000)
    assert.deepEqual(await idsIn(remote), ['1', '2', '3', '4'])
    assert.equal((await second.outbox.stats()).spilled, 0)
  }),
)

test(
  'with hold nothing is claimed in an outage, without an error and without asking again and again',
  inScene(async ({ open, network, runtime }) => {
    const { outbox, notices } = await open()
    await outbox.append([entry('0', { lanes: ['b'] })])
    network.fate = () => 'refused'
    await outbox.append([entry('1')])
    network.calls = []
    for (let second = 0; second < 600; second++) {
      const claim = await outbox.claim(want)
      assert.deepEqual([claim.entries, claim.role], [[], 'active'])
      assert.ok(claim.nextInMs! > 0 && claim.nextInMs! <= 1_000)
      await runtime.clock.advance(1_000)
    }
    assert.ok(network.calls.length < 300, `${network.calls.length} calls in ten minutes`)
    network.fate = () => 'well'
    const heard = notices.length
    await runtime.clock.advance(8_000)
    assert.ok(notices.slice(heard).some(({ type }) => type === 'appended'))
    assert.deepEqual(idsOf(await outbox.claim(want)), ['0', '1'])
  }),
)

test(
  'claims go on while the remote outbox refuses appends alone',
  inScene(async ({ open, network, runtime }) => {
    const { outbox } = await open()
    await outbox.append([entry('1'), entry('2', { lanes: ['b'] })])
    network.fate = (call) => (call === 'append' ? 'refused' : 'well')
    assert.equal((await outbox.append([entry('3')]))[0]?.spilled, true)
    assert.deepEqual(await deliver(outbox, await outbox.claim(want)), ['1 held', '2 held'])
    await runtime.clock.advance(60_000)
    const stats = await outbox.stats()
    assert.deepEqual([stats.waiting, stats.spilled, stats.totals.delivered], [0, 1, 2])
    network.fate = () => 'well'
    await drained(outbox, runtime.clock)
    assert.deepEqual(idsOf(await outbox.claim(want)), ['3'])
  }),
)

test(
  'with deliver, what spilled is delivered from the file after the time that was asked for, in order',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open({ onOutage: 'deliver', deliverAfterMs: 30_000 })
    await outbox.append([entry('before', { lanes: ['old'] })])
    network.fate = () => 'refused'
    const appended = await outbox.append([entry('a1'), entry('a2'), entry('b1', { lanes: ['b'] })])
    assert.deepEqual((await outbox.claim(want)).entries, [])
    await runtime.clock.advance(29_000)
    assert.deepEqual((await outbox.claim(want)).entries, [], 'it may come back soon')
    await runtime.clock.advance(1_000)
    const claim = await outbox.claim(want)
    assert.deepEqual(idsOf(claim), ['a1', 'b1'])
    assert.deepEqual(
      claim.entries.map(({ position }) => position),
      [appended[0]?.position, appended[2]?.position],
    )
    assert.deepEqual(await outbox.renew([claim.lease], 10_000), ['held'])
    assert.equal((await outbox.stats()).inFlight, 2)
    assert.deepEqual(await deliver(outbox, claim), ['a1 held', 'b1 held'])
    assert.deepEqual(await outbox.lookup([appended[0]!.position]), [{ state: 'delivered' }])
    assert.deepEqual(await deliver(outbox, await outbox.claim(want)), ['a2 held'])
    network.fate = () => 'well'
    await runtime.clock.advance(10_000)
    assert.deepEqual(await idsIn(remote), ['before'])
    const stats = await outbox.stats()
    assert.deepEqual([stats.totals.accepted, stats.totals.delivered, stats.lost], [4, 3, 0])
  }),
)

test(
  'when the remote outbox returns, what is in flight from the file ends before the rest goes over',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open({ onOutage: 'deliver', deliverAfterMs: 0 })
    network.fate = () => 'refused'
    await outbox.append([entry('a1'), entry('a2'), entry('b1', { lanes: ['b'] }), entry('c1', { lanes: ['c'] })])
    assert.deepEqual(idsOf(await outbox.claim(want)), ['a1', 'b1', 'c1'])
    const again = await outbox.append([entry('d1', { lanes: ['d'] })])
    const next = await outbox.claim(want)
    assert.deepEqual(idsOf(next), ['d1'])
    network.fate = () => 'well'
    await runtime.clock.advance(6_000)
    assert.deepEqual(await idsIn(remote), [], 'four are in flight')
    assert.deepEqual(await outbox.renew([next.lease], 10_000), ['lapsed'], 'no lease is prolonged any more')
    assert.deepEqual(idsOf(await outbox.claim(want)), [], 'nor is there a new one')
    assert.deepEqual(await deliver(outbox, next), ['d1 held'], 'what was sent under it counts')
    await runtime.clock.advance(5_000)
    assert.deepEqual(await idsIn(remote), ['a1', 'a2', 'b1', 'c1'], 'the other lease has ended')
    assert.deepEqual(await outbox.lookup([again[0]!.position]), [{ state: 'delivered' }])
    assert.deepEqual(idsOf(await outbox.claim(want)), ['a1', 'b1', 'c1'])
  }),
)

test(
  'a remote outbox that answers and takes nothing does not end delivery from the file',
  inScene(async ({ open, network, runtime }) => {
    const { outbox } = await open({ onOutage: 'deliver', deliverAfterMs: 10_000 })
    network.fate = (call) => (call === 'stats' ? 'well' : 'refused')
    await outbox.append(Array.from({ length: 50 }, (_, index) => entry(`${index}`)))
    const seen: string[] = []
    for (let look = 0; look < 2_000 && seen.length < 50; look++) {
      const claim = await outbox.claim({ ...want, entriesMax: 1 })
      await deliver(outbox, claim)
      seen.push(...idsOf(claim))
      await runtime.clock.advance(100)
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 50 }, (_, index) => `${index}`),
    )
  }),
)

test(
  'a settlement of both outboxes that fails for one of them can be made again',
  inScene(async ({ open, network, runtime }) => {
    const { outbox } = await open({ onOutage: 'deliver', deliverAfterMs: 0 })
    await outbox.append([entry('1')])
    const there = await outbox.claim(want)
    network.fate = () => 'refused'
    await outbox.append([entry('2', { lanes: ['b'] })])
    const here = await outbox.claim(want)
    const settlements = [...there.entries, ...here.entries].map(({ position }, index) => ({
      lease: index === 0 ? there.lease : here.lease,
      position,
      verdict: delivered,
    }))
    assert.equal(settlements.length, 2)
    await assert.rejects(outbox.settle(settlements), { code: 'OUTBOX_UNAVAILABLE' })
    network.fate = () => 'well'
    assert.deepEqual(
      await outbox.settle(settlements),
      settlements.map(() => 'held'),
    )
    assert.deepEqual(
      await outbox.settle(settlements),
      settlements.map(() => 'lapsed'),
    )
    await runtime.clock.advance(1_000)
  }),
)

test(
  'of two processes with one file each goes direct again when its own operations have gone over',
  inScene(async ({ open, remote, network, runtime }) => {
    const [first, second] = [await open(), await open()]
    network.fate = () => 'refused'
    for (let round = 0; round < 3; round++) {
      await first.outbox.append([entry(`first ${round}`)])
      await second.outbox.append([entry(`second ${round}`)])
    }
    await runtime.clock.advance(3_000)
    network.fate = () => 'well'
    await runtime.clock.advance(10_000)
    assert.deepEqual(
      await idsIn(remote),
      [0, 1, 2].flatMap((round) => [`first ${round}`, `second ${round}`]),
    )
    for (const { outbox, notices } of [first, second]) {
      assert.deepEqual(spillsOf(notices).at(-1), 'ended null 0')
      assert.equal((await outbox.append([entry(`direct ${notices.length}`)]))[0]?.spilled, undefined)
    }
  }),
)

test(
  'when the process that drains a shared file dies, another goes on with it, also for what it left',
  inScene(async ({ open, remote, network, runtime }) => {
    const [first, second] = [await open(), await open()]
    network.fate = () => 'refused'
    await first.outbox.append([entry('1')])
    await second.outbox.append([entry('2')])
    first.kill()
    network.fate = () => 'well'
    const third = settled(second.outbox.append([entry('3')]), runtime.clock)
    assert.equal((await third)[0]?.spilled, true)
    await runtime.clock.advance(20_000)
    assert.deepEqual(await idsIn(remote), ['1', '2', '3'])
    assert.equal((await second.outbox.append([entry('4')]))[0]?.spilled, undefined)
  }),
)

test(
  'what another process leaves in a shared file goes over although this one never spilled',
  inScene(async ({ open, remote, network, runtime }) => {
    const first = await open()
    const { outbox: second } = await open()
    network.fate = () => 'refused'
    await second.append([entry('left')])
    network.fate = (call) => (call === 'open' ? 'refused' : 'well')
    await second.close()
    await runtime.clock.advance(10_000)
    assert.deepEqual(await idsIn(remote), ['left'])
    assert.deepEqual(spillsOf(first.notices), [])
  }),
)

test(
  'a pause holds for a process that starts in the outage, and for as long as the remote outbox says',
  inScene(async ({ open, remote, network, runtime }) => {
    const pause = { who: 'ada', why: 'an import', atMs: runtime.clock.wallMs() }
    const pausesOf = ({ notices }: SpillHandle): readonly unknown[] =>
      notices.filter((notice) => notice.type === 'paused').map((notice) => notice.pause)
    const first = await open()
    await remote.setPaused(pause)
    await runtime.clock.advance(1_000)
    assert.deepEqual(pausesOf(first), [pause])
    first.kill()
    network.fate = () => 'refused'
    const second = await open()
    assert.deepEqual(pausesOf(second), [pause], 'the remote outbox could not tell')
    network.fate = () => 'well'
    await runtime.clock.advance(10_000)
    assert.deepEqual(pausesOf(second), [pause], 'it says the same')
    second.kill()
    await remote.setPaused(null)
    network.fate = () => 'refused'
    const third = await open()
    assert.deepEqual(pausesOf(third), [pause], 'nobody has heard of its end')
    network.fate = () => 'well'
    await runtime.clock.advance(10_000)
    assert.deepEqual(pausesOf(third), [pause, null])
    third.kill()
    network.fate = () => 'refused'
    assert.deepEqual(pausesOf(await open()), [])
  }),
)
