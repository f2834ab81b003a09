/** An import as a whole, on virtual time where it waits: units, keys, pace, patience, what is refused, going on. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import type { Fetch } from '../../src/runtime/runtime.ts'
import { createSimulator, type Simulator } from '../../src/simulator/index.ts'
import { createTestRuntime, type TestRuntime } from '../../src/testing/test-runtime.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { type ImportReport, type ImportState, runImport } from '../../src/transfer/import.ts'
import { createPace } from '../../src/transfer/pace.ts'
import { prepareImport } from '../../src/transfer/prepare.ts'
import { judge, relayTarget } from '../../src/transfer/relay-target.ts'

interface World {
  readonly file: string
  readonly clock: VirtualClock
  readonly runtime: TestRuntime
  readonly simulator: Simulator
  readonly keys: string[]
  /** What was waited for, in words. */
  readonly waits: string[]
  readonly run: (options?: RunOptions) => Promise<ImportReport>
}

interface RunOptions {
  readonly perSecond?: number
  readonly operationsMax?: number
  readonly patienceMs?: number
  readonly rejectedMax?: number
  readonly restart?: boolean
  readonly signal?: AbortSignal
  readonly onState?: (state: ImportState) => void
  readonly apiKey?: string
}

async function inWorld(lines: readonly unknown[], act: (world: World) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-import-'))
  const file = join(folder, 'calls.ndjson')
  writeFileSync(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  const clock = new VirtualClock()
  const simulator = createSimulator({ clock, siteId: 'site', apiKey: 'key' })
  const keys: string[] = []
  const fetch: Fetch = (request) => {
    keys.push(request.headers.get('idempotency-key') ?? '')
    return simulator.fetch(request)
  }
  const runtime = createTestRuntime({ clock, fetch })
  const waits: string[] = []
  try {
    await act({
      file,
      clock,
      runtime,
      simulator,
      keys,
      waits,
      async run(options = {}) {
        const units = {
          to: 'relay',
          personIdentifier: 'auto',
          lint: true,
          operationsMax: options.operationsMax ?? 100,
        } as const
        const prepared = await prepareImport({ file, mapping: null, units, restart: options.restart ?? false, clock })
        const done = runImport({
          file,
          reader: prepared.reader,
          units: prepared.units,
          progress: prepared.progress,
          target: relayTarget({ url: 'http://relay/api/v1', siteId: 'site', apiKey: options.apiKey ?? 'key', runtime }),
          perSecond: options.perSecond ?? Infinity,
          patienceMs: options.patienceMs ?? 60_000,
          rejectedMax: options.rejectedMax ?? Infinity,
          signal: options.signal ?? new AbortController().signal,
          runtime,
          onState(state) {
            if (state.waiting !== null) waits.push(state.waiting)
            options.onState?.(state)
          },
        })
        const state = { isSettled: false }
        const settled = done.finally(() => (state.isSettled = true))
        settled.catch(() => {})
        // The file is read in real time; only waits are virtual.
        while (!state.isSettled) {
          await clock.advance(50)
          await new Promise((resolve) => setImmediate(resolve))
        }
        return settled
      },
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const event = (n: number, id = 'ada'): object => ({
  type: 'person',
  action: 'event',
  identifiers: { id },
  name: 'called',
  attributes: { n },
})

const numbersAt = ({ ledger }: Simulator): readonly unknown[] =>
  ledger.applied().map(({ call }) => (call?.type === 'event' ? call.data['n'] : call?.type))

test('what v2 can say goes in batches, the rest alone in its place, each under a key of its own', () =>
  inWorld(
    [
      event(0),
      { method: 'POST', path: '/api/v1/customers/ada/events', body: { name: 'called', data: { n: 1 } } },
      { method: 'POST', path: '/api/v1/segments/3/add_customers?id_type=id', body: { ids: ['ada'] } },
      event(3),
      event(4),
    ],
    async ({ run, simulator, keys }) => {
      const { end, progress } = await run()
      assert.deepEqual([end.how, progress.state, progress.stored, progress.rejected], ['done', 'done', 5, 0])
      assert.deepEqual(numbersAt(simulator), [0, 1, 'segment', 3, 4])
      assert.deepEqual(
        simulator.ledger.requests().map(({ route, operations }) => [route, operations]),
        [
          ['batch', 2],
          ['segment', 1],
          ['batch', 2],
        ],
      )
      assert.equal(new Set(keys).size, 3)
    },
  ))

test('a second import of the file sends the same keys, and the same ids of events', () =>
  inWorld([event(0), event(1), event(0)], async ({ run, simulator, keys }) => {
    await run()
    const before = await run()
    assert.equal(before.progress.stored, 3, 'what is done is told by its progress file')
    await run({ restart: true })
    assert.equal(keys[0], keys.at(-1))
    assert.deepEqual([simulator.ledger.count({ applied: true }), simulator.ledger.count({ duplicate: true })], [3, 3])
  }))

test('bad lines and lines that the relay refuses are kept with number and reason, and the others are stored', () =>
  inWorld(
    [event(0), '{oops', event(2), { ...event(3), name: 'x'.repeat(101) }, event(4)],
    async ({ run, simulator, file }) => {
      simulator.faults.add({
        kind: 'items',
        item: (call) => call.type === 'event' && call.data['n'] === 2,
        reason: 'tired',
      })
      const { end, progress } = await run()
      assert.deepEqual([end.how, progress.stored, progress.rejected], ['done', 2, 3])
      assert.deepEqual(numbersAt(simulator), [0, 4])
      const kept = readFileSync(`${file}.rejected.ndjson`, 'utf8').trimEnd().split('\n')
      const brief = kept.map((line) => {
        const { line: number, reason, field, text } = JSON.parse(line) as Record<string, unknown>
        return [number, reason, field, text]
      })
      assert.deepEqual(brief, [
        [2, 'not-json', 'line', '{oops'],
        [3, 'tired', 'attributes', JSON.stringify(event(2))],
        [4, 'too-long', 'name', JSON.stringify({ ...event(3), name: 'x'.repeat(101) })],
      ])
    },
  ))

test('a batch that is refused as a whole is sent one by one, so that only the bad one is refused', () =>
  inWorld([event(0), event(1), event(2)], async ({ run, simulator }) => {
    simulator.faults.add({ kind: 'poison', item: (call) => call.type === 'event' && call.data['n'] === 1 })
    const { progress } = await run()
    assert.deepEqual([progress.stored, progress.rejected], [2, 1])
    assert.deepEqual(numbersAt(simulator), [0, 2])
  }))

test('a relay that is full is asked again when it says, one that is down after growing waits, and nothing is lost or twice', () =>
  inWorld(
    Array.from({ length: 6 }, (_, n) => event(n)),
    async ({ run, simulator, clock, waits }) => {
      simulator.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 3, times: 1 })
      simulator.faults.add({ kind: 'status', status: 503, times: 2 })
      simulator.faults.add({ kind: 'reset', applied: true, times: 1 })
      const startedMs = clock.monotonicMs()
      const { end } = await run({ operationsMax: 2 })
      assert.equal(end.how, 'done')
      assert.deepEqual(waits, ['status 429', 'status 503', 'status 503', 'the relay breaks connections'])
      assert.ok(clock.monotonicMs() - startedMs >= 3_000)
      assert.deepEqual(numbersAt(simulator), [0, 1, 2, 3, 4, 5])
    },
  ))

test('when patience ends it stops where it is, and the next run goes on from there', () =>
  inWorld(
    Array.from({ length: 6 }, (_, n) => event(n)),
    async ({ run, simulator, clock }) => {
      simulator.faults.add({ kind: 'status', status: 503, match: ({ number }) => number > 2 && number < 100 })
      const startedMs = clock.monotonicMs()
      const first = await run({ operationsMax: 2, patienceMs: 20_000 })
      assert.deepEqual(first.end, { how: 'gave-up', reason: 'status 503' })
      assert.deepEqual([first.progress.line, first.progress.state], [4, 'running'])
      const tookMs = clock.monotonicMs() - startedMs
      assert.ok(tookMs >= 20_000, `${tookMs}`)
      simulator.faults.clear()
      const second = await run({ operationsMax: 2 })
      assert.deepEqual([second.end.how, second.progress.stored], ['done', 6])
      assert.deepEqual(numbersAt(simulator), [0, 1, 2, 3, 4, 5])
    },
  ))

test('wrong credentials and a wrong address stop it at once', () =>
  inWorld([event(0)], async ({ run, simulator }) => {
    assert.deepEqual((await run({ apiKey: 'wrong' })).end, {
      how: 'refused',
      why: 'unauthenticated',
      reason: 'the relay does not know these credentials (status 401)',
    })
    simulator.faults.add({ kind: 'status', status: 404, html: true })
    const { end } = await run()
    assert.deepEqual([end.how, end.how === 'refused' && end.why], ['refused', 'api'])
  }))

test('more bad lines than allowed stop it', () =>
  inWorld(['{', '{', event(2), '{', event(4)], async ({ run, simulator }) => {
    const { end, progress } = await run({ rejectedMax: 2, operationsMax: 1 })
    assert.deepEqual([end.how, progress.rejected], ['too-many-bad', 3])
    assert.deepEqual(numbersAt(simulator), [2, 4])
  }))

test('a signal ends it between two units, with what is done written down', () =>
  inWorld(
    Array.from({ length: 10 }, (_, n) => event(n)),
    async ({ run, simulator, file }) => {
      const stop = new AbortController()
      const { end, progress } = await run({
        operationsMax: 2,
        signal: stop.signal,
        onState: (state) => void (state.progress.stored >= 4 && stop.abort()),
      })
      assert.deepEqual([end.how, progress.stored, progress.line], ['interrupted', 4, 4])
      const written = JSON.parse(readFileSync(`${file}.holdfast-progress`, 'utf8')) as { readonly line: number }
      assert.equal(written.line, 4)
      assert.ok(!existsSync(`${file}.rejected.ndjson`))
      await run({ operationsMax: 2 })
      assert.deepEqual(numbersAt(simulator), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    },
  ))

test('another file, other settings or a progress file of somebody else are refused; --restart begins anew', () =>
  inWorld([event(0), event(1)], async ({ run, simulator, file }) => {
    simulator.faults.add({ kind: 'status', status: 503, match: ({ number }) => number >= 2 })
    await run({ operationsMax: 1, patienceMs: 1 })
    await assert.rejects(run({ operationsMax: 2 }), { name: 'TransferError', code: 'SETTINGS_CHANGED' })
    writeFileSync(file, JSON.stringify(event(7)))
    await assert.rejects(run({ operationsMax: 1 }), { code: 'FILE_CHANGED', message: /its content has changed/ })
    writeFileSync(`${file}.holdfast-progress`, '{"version":9}')
    await assert.rejects(run({ operationsMax: 1 }), { code: 'PROGRESS_UNUSABLE' })
    simulator.faults.clear()
    assert.equal((await run({ operationsMax: 1, restart: true })).progress.stored, 1)
    assert.deepEqual(numbersAt(simulator), [0, 7])
  }))

test('a rate is kept', () =>
  inWorld(
    Array.from({ length: 300 }, (_, n) => event(n, `p${n}`)),
    async ({ run, clock }) => {
      const startedMs = clock.monotonicMs()
      await run({ perSecond: 50, operationsMax: 10 })
      const seconds = (clock.monotonicMs() - startedMs) / 1_000
      // Not how much longer: the file is read in real time, while virtual time goes on.
      assert.ok(seconds >= 5.9, `${seconds} s for 300 at 50/s`)
    },
  ))

test('what was not used of a rate is saved for a second, not longer', async () => {
  const clock = new VirtualClock()
  const pace = createPace(clock, 10)
  const { signal } = new AbortController()
  await clock.advance(60_000)
  await pace.take(10, signal)
  const next = pace.take(10, signal)
  let isFree = false
  void next.then(() => (isFree = true))
  await clock.advance(900)
  assert.equal(isFree, false)
  await clock.advance(200)
  assert.equal(isFree, true)
})

test('what an answer says', () => {
  const answer = (status: number, body = '{}', retryAfter?: number): Parameters<typeof judge>[0] => ({
    status,
    body,
    retryAfter,
  })
  const item = '{"errors":[{"batch_index":1,"reason":"invalid","field":"name","message":"no"},{"batch_index":9}]}'
  const refused = [{ index: 1, problems: [{ field: 'name', reason: 'invalid', message: 'no' }] }]
  const cases: readonly (readonly [Parameters<typeof judge>[0], number, unknown])[] = [
    [answer(200), 3, { kind: 'stored', duplicates: null, refused: [] }],
    [answer(207, item), 3, { kind: 'stored', duplicates: null, refused }],
    [answer(200, item), 3, { kind: 'stored', duplicates: null, refused }],
    [answer(400), 3, 'whole-batch'],
    [answer(413), 3, 'whole-batch'],
    [answer(429, '', 2_000), 3, { kind: 'later', afterMs: 2_000, reason: 'status 429' }],
    [answer(502, '<html>'), 3, { kind: 'later', afterMs: undefined, reason: 'status 502' }],
    [answer(301), 3, { kind: 'refused', why: 'api', reason: 'it redirects (status 301)' }],
    [
      { failed: 'the relay refuses connections' },
      1,
      { kind: 'later', afterMs: undefined, reason: 'the relay refuses connections' },
    ],
  ]
  for (const [given, operations, wanted] of cases) assert.deepEqual(judge(given, operations), wanted)
})
