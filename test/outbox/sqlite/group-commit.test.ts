import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OutboxError, OutboxFullError } from '../../../src/errors.ts'
import { GroupCommit } from '../../../src/outbox/sqlite/group-commit.ts'
import type { PackedGroup, PackedGroupResult } from '../../../src/outbox/sqlite/wire.ts'
import { crowd, entry } from '../../../src/testing/outbox-conformance/scene.ts'

/** Groups as they come, each answered when the test says so. */
class Commits {
  readonly groups: PackedGroup[] = []
  readonly #answers: ((result: PackedGroupResult | Error) => void)[] = []

  commit = (group: PackedGroup): Promise<PackedGroupResult> => {
    this.groups.push(group)
    return new Promise((resolve, reject) => {
      this.#answers.push((result) => (result instanceof Error ? reject(result) : resolve(result)))
    })
  }

  /** Every entry is stored, every settlement holds. */
  answer(change: (result: PackedGroupResult) => PackedGroupResult | Error = (result) => result): void {
    const group = this.groups[this.groups.length - this.#answers.length]!
    let sequence = 0
    const result: PackedGroupResult = {
      appends: group.calls.map((length) => Array.from({ length }, () => ++sequence)),
      settlements: group.settlements.map((settlements) => settlements.map(() => 'held')),
    }
    this.#answers.shift()!(change(result))
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('calls of one turn are one group; what comes while it is under way is the next', async () => {
  const commits = new Commits()
  const groups = new GroupCommit(1_000, commits.commit)
  const first = [groups.append([entry('1')]), groups.append([entry('2'), entry('3')])]
  assert.equal(commits.groups.length, 0, 'not before the turn ends')
  await turn()
  assert.deepEqual(commits.groups[0]?.calls, [1, 2])
  const second = [
    groups.append([entry('4')]),
    groups.settle([{ lease: 'l', position: '1', verdict: { to: 'delivered' } }]),
  ]
  await turn()
  assert.equal(commits.groups.length, 1, 'one commit at a time')
  commits.answer()
  assert.deepEqual(await first[1], [
    { state: 'stored', position: '2' },
    { state: 'stored', position: '3' },
  ])
  await turn()
  assert.deepEqual(commits.groups[1]?.entries.ids, ['4'])
  assert.equal(commits.groups[1].settlements.length, 1, 'settlements ride along')
  commits.answer()
  assert.deepEqual(await Promise.all(second), [[{ state: 'stored', position: '1' }], ['held']])
})

test('who goes on because a commit ended is in the very next group', async () => {
  const commits = new Commits()
  const groups = new GroupCommit(1_000, commits.commit)
  const callers = Array.from({ length: 50 }, async (_, index) => {
    await groups.append([entry(`a${index}`)])
    await groups.append([entry(`b${index}`)])
  })
  await turn()
  commits.answer()
  await turn()
  await turn()
  assert.deepEqual(
    commits.groups.map(({ calls }) => calls.length),
    [50, 50],
  )
  commits.answer()
  await Promise.all(callers)
})

test('a group has 2,000 entries or 4 MB, and a call is never split', async () => {
  const commits = new Commits()
  const groups = new GroupCommit(100_000_000, commits.commit)
  const calls = [
    groups.append(crowd('a', 1_999)),
    groups.append(crowd('b', 5_000)),
    groups.append([entry('c', { body: 'x'.repeat(4_200_000) })]),
    groups.append([entry('d')]),
  ]
  for (let group = 0; group < 3; group++) {
    await turn()
    commits.answer()
    await turn()
  }
  await Promise.all(calls)
  assert.deepEqual(
    commits.groups.map(({ entries }) => entries.ids.length),
    [6_999, 1, 1],
  )
})

test('what waits for its commit is bounded; a call that finds nothing before it always fits', async () => {
  const commits = new Commits()
  const groups = new GroupCommit(100, commits.commit)
  const large = groups.append([entry('large', { body: 'x'.repeat(150) })])
  await assert.rejects(groups.append([entry('more')]), (error) => {
    assert.ok(error instanceof OutboxFullError)
    assert.deepEqual([error.bound, error.limit, error.used], ['pending', 100, 150])
    return true
  })
  await turn()
  await assert.rejects(groups.append([entry('while it is under way')]), OutboxFullError)
  commits.answer()
  await large
  const after = groups.append([entry('after', { body: 'x'.repeat(100) })])
  await turn()
  commits.answer()
  assert.equal((await after)[0]?.state, 'stored')
})

test('a group that fails fails for all of its calls, and frees its room; the next one goes on', async () => {
  const commits = new Commits()
  const groups = new GroupCommit(100, commits.commit)
  const failure = new OutboxError('OUTBOX_UNAVAILABLE', 'no')
  const calls = [groups.append([entry('1', { body: 'x'.repeat(80) })]), groups.settle([])]
  const settled = Promise.allSettled(calls)
  await turn()
  commits.answer(() => failure)
  for (const result of await settled) assert.deepEqual(result, { status: 'rejected', reason: failure })
  const next = groups.append([entry('2', { body: 'x'.repeat(80) })])
  await turn()
  commits.answer()
  await next
})

test('a call that is refused alone does not concern the others of its group', async () => {
  const commits = new Commits()
  const groups = new GroupCommit(1_000, commits.commit)
  const calls = [groups.append([entry('1')]), groups.append([entry('2')])]
  const full = { bound: 'operations', limit: 1, used: 1, retryAfterMs: 1_000 } as const
  await turn()
  commits.answer((result) => ({
    ...result,
    appends: [result.appends[0]!, { code: 'OUTBOX_FULL', message: 'full', full }],
  }))
  assert.equal((await calls[0])?.[0]?.state, 'stored')
  await assert.rejects(calls[1]!, (error) => error instanceof OutboxFullError && error.bound === 'operations')
})

test('it is idle when nothing waits and nothing is under way', async () => {
  const commits = new Commits()
  const groups = new GroupCommit(1_000, commits.commit)
  await groups.idle()
  const call = groups.append([entry('1')])
  let idle = false
  const wait = groups.idle().then(() => (idle = true))
  await turn()
  await turn()
  assert.equal(idle, false)
  commits.answer()
  await Promise.all([call, wait])
})
