/** Where appends go, and that their order holds on every way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OutboxError, OutboxFullError } from '../../../src/errors.ts'
import type { AppendResult, NewEntry } from '../../../src/outbox/outbox.ts'
import { entry } from '../../../src/testing/outbox-conformance/scene.ts'
import { settled } from '../../virtual-time.ts'
import { drained, idsIn, inScene, spillsOf, waitingIn } from './scene.ts'

const many = (prefix: string, count: number, fields: Partial<NewEntry> = {}): readonly NewEntry[] =>
  Array.from({ length: count }, (_, index) => entry(`${prefix}${index}`, fields))
const ids = (entries: readonly NewEntry[]): readonly string[] => entries.map(({ id }) => id)

test(
  'while the remote outbox answers, everything goes to it and nothing is told of a spill',
  inScene(async ({ open, remote, network, openFile }) => {
    const { outbox, notices } = await open()
    const [result] = await outbox.append([entry('1')])
    assert.deepEqual([result?.state, result?.spilled], ['stored', undefined])
    assert.deepEqual(await remote.lookup([result!.position]), [{ state: 'waiting' }])
    assert.deepEqual(spillsOf(notices), [])
    assert.equal((await outbox.stats()).spilled, 0)
    assert.equal((await (await openFile()).stats()).totals.accepted, 0)
    assert.equal(network.calls.filter((call) => call === 'append').length, 1)
  }),
)

test(
  'an append that the remote outbox does not take is kept, says so, and so are all after it, until they have gone over',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox, notices } = await open()
    await outbox.append([entry('1')])
    network.fate = () => 'refused'
    const [second] = await outbox.append([entry('2')])
    assert.deepEqual([second?.state, second?.spilled], ['stored', true])
    network.fate = (call) => (call === 'append' && network.calls.length < 6 ? 'refused' : 'well')
    const [third] = await outbox.append([entry('3')])
    assert.equal(third?.spilled, true, 'the remote outbox may be back, but 2 is not there yet')
    assert.deepEqual(await idsIn(remote), ['1'])
    assert.equal((await outbox.stats()).spilled, 2)
    await drained(outbox, runtime.clock)
    const [fourth] = await outbox.append([entry('4')])
    assert.equal(fourth?.spilled, undefined)
    assert.deepEqual(await idsIn(remote), ['1', '2', '3', '4'])
    assert.deepEqual(spillsOf(notices), ['begun OUTBOX_UNAVAILABLE 1', 'ended null 0'])
    assert.notEqual(second?.position, third?.position)
  }),
)

test(
  'what was stored although the answer was lost is there once',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open()
    network.fate = (call) => (call === 'append' ? 'lost' : 'well')
    const [result] = await settled(outbox.append([entry('1')]), runtime.clock)
    assert.equal(result?.spilled, true)
    await outbox.append([entry('2')])
    await runtime.clock.advance(700)
    network.fate = () => 'well'
    await drained(outbox, runtime.clock)
    assert.deepEqual(await idsIn(remote), ['1', '2'])
    const { totals } = await outbox.stats()
    assert.equal(totals.accepted, 2)
  }),
)

test(
  'calls under way at once keep their order when the first of them fails and the next would not',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open()
    let calls = 0
    network.fate = (call) => (call === 'append' && ++calls === 1 ? 'lost' : 'well')
    const results = await settled(Promise.all(many('', 30).map((each) => outbox.append([each]))), runtime.clock)
    assert.ok(results.every(([result]) => result?.spilled === true))
    await drained(outbox, runtime.clock)
    assert.deepEqual(await idsIn(remote), ids(many('', 30)))
  }),
)

test(
  'calls that come while one is under way go together, and a call that is too large for the remote outbox is refused alone',
  inScene(
    async ({ open, remote, network, runtime }) => {
      const { outbox, notices } = await open()
      network.fate = (call) => (call === 'append' ? 'slow' : 'well')
      const calls = [many('a', 1), many('b', 3), many('too many ', 20), many('c', 2)]
      const results = await settled(Promise.allSettled(calls.map((call) => outbox.append(call))), runtime.clock)
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
      )
      const refused = results[2] as PromiseRejectedResult
      assert.ok(refused.reason instanceof OutboxFullError)
      assert.deepEqual(await idsIn(remote), ['a0', 'b0', 'b1', 'b2', 'c0', 'c1'])
      assert.deepEqual(spillsOf(notices), [], 'a full outbox is not away')
    },
    { maxOperations: 10 },
  ),
)

test(
  'calls that come while one is under way are one append',
  inScene(async ({ open, network, runtime }) => {
    const { outbox } = await open()
    network.fate = (call) => (call === 'append' ? 'slow' : 'well')
    const results = await settled(Promise.all(many('', 101).map((each) => outbox.append([each]))), runtime.clock)
    assert.equal(new Set(results.map(([result]) => result?.position)).size, 101)
    assert.equal(network.calls.filter((call) => call === 'append').length, 2)
  }),
)

test(
  'errors of the caller pass through',
  inScene(async ({ open, network }) => {
    const { outbox, notices } = await open()
    await assert.rejects(
      outbox.append([entry('1')], async () => []),
      { code: 'INVALID_OPTIONS' },
    )
    network.fate = () => 'refused'
    await assert.rejects(
      outbox.append([entry('1')], async () => []),
      { code: 'INVALID_OPTIONS' },
    )
    assert.deepEqual(spillsOf(notices), [])
  }),
)

test(
  'a key is known in the file, and again when it goes over',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open()
    const early = entry('early', { keyed: true })
    const late = entry('late', { keyed: true })
    const [first] = await outbox.append([early])
    network.fate = () => 'refused'
    const results = await outbox.append([early, late, late, entry('end')])
    assert.deepEqual(
      results.map(({ state, spilled }) => [state, spilled]),
      [
        ['stored', true],
        ['stored', true],
        ['duplicate', true],
        ['stored', true],
      ],
    )
    assert.equal((await outbox.append([late]))[0]?.position, results[1]?.position)
    network.fate = () => 'well'
    await drained(outbox, runtime.clock)
    assert.deepEqual(await idsIn(remote), ['early', 'late', 'end'])
    const again = await outbox.append([early, late])
    assert.deepEqual(
      again.map(({ state }) => state),
      ['duplicate', 'duplicate'],
    )
    assert.equal(again[0]?.position, first?.position)
    assert.deepEqual(await outbox.lookup(results.map(({ position }) => position)), [
      { state: 'waiting' },
      { state: 'waiting' },
      { state: 'waiting' },
      { state: 'waiting' },
    ])
  }),
)

test(
  'what goes over is what was appended',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open()
    network.fate = () => 'refused'
    const given = [
      entry('1', {
        lanes: ['a', 'ü'],
        type: 'identify',
        priority: 'bulk',
        acceptedAtMs: 7,
        expiresAtMs: 8,
        keyed: true,
      }),
      entry('2', { lanes: ['a'], campaignAtMs: 9, body: '{"x":"🎈\\u0000"}' }),
    ]
    await outbox.append(given)
    network.fate = () => 'well'
    await drained(outbox, runtime.clock)
    const { entries } = await remote.list({ from: 'waiting', limit: 10 })
    assert.deepEqual(
      entries.map(({ position: _position, attempts: _attempts, ...rest }) => rest),
      given,
    )
  }),
)

test(
  'a call at the moment in which the last of the spill goes over waits for it, and goes direct',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open()
    network.fate = () => 'refused'
    await outbox.append([entry('1')])
    network.calls = []
    const appends = (): number => network.calls.filter((call) => call === 'append').length
    network.fate = (call) => (call === 'append' && appends() <= 2 ? 'slow' : 'well')
    while (appends() < 1) await runtime.clock.step()
    const second = outbox.append([entry('2')])
    while (appends() < 2) await runtime.clock.step()
    const third = outbox.append([entry('3')])
    const results = await settled(Promise.all([second, third]), runtime.clock)
    assert.deepEqual(
      results.map(([result]) => result?.spilled),
      [true, undefined],
    )
    assert.deepEqual(await idsIn(remote), ['1', '2', '3'])
  }),
)

test(
  'a call that is still on its way to the file is not overtaken when all that was in it has gone over',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await settled(open({ diskMs: 20 }), runtime.clock)
    const calls: Promise<readonly AppendResult[]>[] = []
    const append = (): number => calls.push(outbox.append([entry(`${calls.length}`)]))
    // Whenever the end comes, some time or other a call is on its way to an empty file.
    for (let offsetMs = 0; offsetMs < 100; offsetMs += 5) {
      network.fate = () => 'refused'
      append()
      await settled(calls.at(-1)!, runtime.clock)
      network.fate = () => 'well'
      network.calls = []
      while (!network.calls.includes('append')) await runtime.clock.step()
      await runtime.clock.advance(offsetMs)
      for (let index = 0; index < 50; index++) {
        append()
        await runtime.clock.advance(1)
      }
      await settled(Promise.all(calls), runtime.clock)
      await drained(outbox, runtime.clock)
    }
    const results = await Promise.all(calls)
    assert.ok(results.some(([result]) => result?.spilled === undefined))
    assert.deepEqual(await idsIn(remote), ids(many('', calls.length)))
  }),
)

test(
  'ten thousand operations of one lane go over in batches of five hundred, while others come',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open()
    network.fate = () => 'refused'
    for (let from = 0; from < 10_000; from += 1_000) {
      await outbox.append(Array.from({ length: 1_000 }, (_, index) => entry(`${from + index}`)))
    }
    network.fate = (call) => (call === 'append' ? 'slow' : 'well')
    network.calls = []
    const late: Promise<unknown>[] = []
    for (let index = 0; index < 100; index++) {
      late.push(outbox.append([entry(`${10_000 + index}`)]))
      await runtime.clock.advance(20)
    }
    await drained(outbox, runtime.clock)
    await Promise.all(late)
    assert.deepEqual(await idsIn(remote), ids(many('', 10_100)))
    const appends = network.calls.filter((call) => call === 'append').length
    assert.ok(appends < 20 + 60, `${appends} appends`)
  }),
)

test(
  'callers that never stop appending do not keep it from going direct again',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox, notices } = await open()
    network.fate = () => 'refused'
    await outbox.append([entry('first')])
    network.fate = (call) => (call === 'append' ? 'slow' : 'well')
    let count = 0
    const end = { isOver: false }
    const caller = async (lane: string): Promise<void> => {
      while (!end.isOver) {
        await outbox.append([entry(`${count++}`, { lanes: [lane] })])
        await new Promise<void>((resolve) => runtime.clock.timer(10, resolve))
      }
    }
    const callers = Array.from({ length: 20 }, (_, index) => caller(`lane ${index}`))
    await runtime.clock.advance(2_000)
    assert.deepEqual(spillsOf(notices).at(-1), 'ended null 0')
    end.isOver = true
    await settled(Promise.all(callers), runtime.clock)
    const inLane = (await waitingIn(remote)).filter(({ lanes }) => lanes[0] === 'lane 3').map(({ id }) => Number(id))
    assert.deepEqual(
      inLane,
      inLane.toSorted((a, b) => a - b),
    )
    assert.equal((await outbox.stats()).waiting, count + 1)
  }),
)

test(
  'a remote outbox with little room takes what fits, and the rest stays until there is more',
  inScene(
    async ({ open, remote, network, runtime }) => {
      const { outbox, notices } = await open()
      network.fate = () => 'refused'
      await outbox.append(many('', 100))
      network.fate = () => 'well'
      await runtime.clock.advance(60_000)
      const taken = (await idsIn(remote)).length
      assert.ok(taken > 24 && taken <= 30, `${taken} of 30`)
      for (let round = 0; round < 200; round++) {
        const { lease, entries } = await remote.claim({ entriesMax: 1, bytesMax: 1_000, leaseMs: 1_000 })
        await remote.settle(entries.map(({ position }) => ({ lease, position, verdict: { to: 'delivered' } })))
        await runtime.clock.advance(1_000)
      }
      assert.equal((await remote.stats()).totals.delivered, 100)
      assert.equal(spillsOf(notices).at(-1), 'ended null 0')
    },
    { maxOperations: 30 },
  ),
)

test(
  'a full spill refuses, says what it holds, and takes no more of what the remote outbox refused',
  inScene(async ({ open, network }) => {
    const { outbox } = await open({ limits: { maxOperations: 2 } })
    network.fate = () => 'refused'
    await outbox.append(many('', 2))
    await assert.rejects(outbox.append([entry('3')]), { code: 'OUTBOX_FULL', bound: 'operations', limit: 2, used: 2 })
  }),
)

test(
  'where neither has room, the error says that the operation may be stored',
  inScene(async ({ open, remote, network, runtime }) => {
    const { outbox } = await open({ limits: { maxOperations: 1 } })
    network.fate = (call) => (call === 'append' ? 'lost' : 'well')
    const error = await settled(
      outbox.append(many('', 2)).catch((reason: unknown) => reason),
      runtime.clock,
    )
    assert.ok(error instanceof OutboxError && error.code === 'OUTBOX_UNAVAILABLE' && error.mayBeStored)
    network.fate = () => 'well'
    await runtime.clock.advance(10_000)
    assert.deepEqual(await idsIn(remote), ['0', '1'])
    assert.equal((await outbox.append([entry('2')]))[0]?.spilled, undefined, 'it goes direct again')
  }),
)

test(
  'what the disk of the spill refuses is the error of the call, and nothing stands in the way of those after it',
  inScene(async ({ open, remote, network, runtime }) => {
    let isFull = true
    const full = new OutboxError('OUTBOX_DISK_FULL', 'the disk is full', { path: 'spill.db' })
    const { outbox, notices } = await open({
      diskError: (call) => (isFull && (call === 'append' || call === 'handOver') ? full : undefined),
    })
    network.fate = () => 'refused'
    await assert.rejects(outbox.append([entry('1')]), { code: 'OUTBOX_DISK_FULL' })
    isFull = false
    await outbox.append([entry('2')])
    isFull = true
    await assert.rejects(outbox.append([entry('3')]), { code: 'OUTBOX_DISK_FULL' })
    network.fate = () => 'well'
    await runtime.clock.advance(30_000)
    assert.deepEqual(await idsIn(remote), ['2'], 'it went over, and cannot be taken out')
    isFull = false
    await drained(outbox, runtime.clock)
    await runtime.clock.advance(10_000)
    assert.equal(spillsOf(notices).at(-1), 'ended null 0')
    await outbox.append([entry('4')])
    assert.deepEqual(await idsIn(remote), ['2', '4'])
  }),
)

test(
  'memory for calls under way is bounded',
  inScene(async ({ open, network, runtime }) => {
    const { outbox } = await open()
    network.fate = (call) => (call === 'append' ? 'slow' : 'well')
    const body = 'x'.repeat(30 * 1024 * 1024)
    const calls = ['1', '2', '3'].map((id) => outbox.append([entry(id, { body })]))
    await assert.rejects(calls[2]!, { code: 'OUTBOX_FULL', bound: 'pending' })
    await settled(Promise.all(calls.slice(0, 2)), runtime.clock)
  }),
)

test(
  'what is under way when it is closed is stored, and what is in the file stays there',
  inScene(async ({ open, openFile, remote, network, runtime }) => {
    const { outbox } = await open()
    network.fate = (call) => (call === 'append' ? 'lost' : 'refused')
    const appends = many('', 5).map((each) => outbox.append([each]))
    await settled(outbox.close(), runtime.clock)
    for (const [result] of await Promise.all(appends)) assert.equal(result?.spilled, true)
    assert.deepEqual(await idsIn(remote), ['0'])
    assert.deepEqual(await idsIn(await openFile()), ['0', '1', '2', '3', '4'])
  }),
)
