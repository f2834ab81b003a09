import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'

import {
  AbortedError,
  executeIdempotent,
  type ExecuteIdempotentOptions,
  ExecutionsFullError,
  type IdempotencyStore,
  memoryIdempotencyStore,
  OptionsError,
  ValidationError,
} from '../../src/index.ts'
import { flightsOf } from '../../src/idempotency/flight.ts'
import { createTestRuntime, type TestRuntime } from '../../src/testing/test-runtime.ts'

interface Bench {
  readonly runtime: TestRuntime
  readonly store: IdempotencyStore
  /** How often the operation was called. */
  calls: number
  readonly execute: <Result>(
    key: string,
    operation: () => Result | PromiseLike<Result>,
    options?: ExecuteIdempotentOptions,
  ) => Promise<Result>
}

function bench(): Bench {
  const runtime = createTestRuntime()
  const store = memoryIdempotencyStore({ clock: runtime.clock })
  const self: Bench = {
    runtime,
    store,
    calls: 0,
    execute(key, operation, options = {}) {
      const counted = (): ReturnType<typeof operation> => {
        self.calls++
        return operation()
      }
      return executeIdempotent(key, counted, { runtime, store, ...options })
    },
  }
  return self
}

/** A promise that the test settles. */
function later<T>(): {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (e: unknown) => void
} {
  return Promise.withResolvers<T>()
}

function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert.fail('it should have failed'),
    (error: unknown) => error,
  )
}

test('calls with one key at the same time share one execution and one result', async () => {
  const self = bench()
  const { promise, resolve } = later<{ readonly n: number }>()
  const calls = Array.from({ length: 100 }, () => self.execute('k', () => promise))
  const other = self.execute('other', () => 'other')
  assert.equal(await other, 'other')
  resolve({ n: 1 })
  const results = await Promise.all(calls)
  assert.equal(self.calls, 2)
  for (const result of results) assert.equal(result, results[0])
  assert.deepEqual(results[0], { n: 1 })
})

test('a success is remembered for an hour, or for ttlMs', async () => {
  const self = bench()
  let n = 0
  assert.equal(await self.execute('hour', () => ++n), 1)
  assert.equal(await self.execute('short', () => ++n, { ttlMs: 500 }), 2)
  await self.runtime.clock.advance(499)
  assert.equal(await self.execute('short', () => ++n), 2)
  await self.runtime.clock.advance(1)
  assert.equal(await self.execute('short', () => ++n), 3)
  await self.runtime.clock.advance(3_599_499)
  assert.equal(await self.execute('hour', () => ++n), 1)
  await self.runtime.clock.advance(1)
  assert.equal(await self.execute('hour', () => ++n), 4)
})

test('a failure is not remembered: all who share it get the same error, the next call executes again', async () => {
  const self = bench()
  for (const error of [new Error('no'), undefined, null, 0, 'text']) {
    const { promise, reject } = later<never>()
    const calls = [1, 2, 3].map(() => failure(self.execute('k', () => promise)))
    await self.runtime.clock.advance(0)
    reject(error)
    assert.deepEqual(await Promise.all(calls), [error, error, error])
  }
  assert.equal(self.calls, 5)
  assert.equal(await self.execute('k', () => 'well'), 'well')
  assert.equal(self.calls, 6)
})

test('an operation that throws at once fails as one that rejects', async () => {
  const self = bench()
  const error = new Error('at once')
  const calls = [1, 2].map(() =>
    failure(
      self.execute('k', () => {
        throw error
      }),
    ),
  )
  assert.deepEqual(await Promise.all(calls), [error, error])
  assert.equal(self.calls, 1)
  assert.equal(await self.execute('k', () => 1), 1)
})

test('the first caller gets what the later ones get: what JSON gives back', async () => {
  const self = bench()
  const cases: readonly (readonly [unknown, unknown])[] = [
    [undefined, undefined],
    [null, null],
    [false, false],
    ['', ''],
    [[undefined], [null]],
    [{ at: new Date(0), left: undefined }, { at: '1970-01-01T00:00:00.000Z' }],
    [{ problem: { field: 'x' } }, { problem: { field: 'x' } }],
  ]
  for (const [index, [result, expected]] of cases.entries()) {
    assert.deepEqual(await self.execute(`k${index}`, () => result), expected)
    assert.deepEqual(await self.execute(`k${index}`, () => 'not called'), expected)
  }
  assert.equal(self.calls, cases.length)
})

test('a result that cannot be kept is an error that names it, and the operation is not executed twice for it', async () => {
  const self = bench()
  const nothing = { toJSON: (): unknown => undefined }
  let turns = 0
  const fickle = {
    toJSON(): unknown {
      if (++turns > 1) throw new Error('the second time')
      return 1
    },
  }
  const cases: readonly (readonly [unknown, string, string])[] = [
    [{ a: { b: 10n } }, 'result.a.b', 'not-json'],
    [() => 1, 'result', 'not-json'],
    [new Map(), 'result', 'not-json'],
    [nothing, 'result', 'not-json'],
    [fickle, 'result', 'not-json'],
    ['x'.repeat(1_000_000), 'result', 'too-long'],
  ]
  for (const [index, [result, field, reason]] of cases.entries()) {
    for (let time = 0; time < 2; time++) {
      const error = await failure(self.execute(`k${index}`, () => result))
      assert.ok(error instanceof ValidationError)
      assert.deepEqual([error.field, error.problems[0]?.reason], [field, reason])
    }
  }
  assert.equal(self.calls, cases.length)
})

const fine = (): number => 1
const refusals: readonly (readonly [string, () => Promise<unknown>, string])[] = [
  ['an empty key', () => executeIdempotent('', fine), 'key'],
  ['a key that is no text', () => executeIdempotent(7 as unknown as string, fine), 'key'],
  ['a key over 1,000 bytes', () => executeIdempotent('ü'.repeat(501), fine), 'key'],
  ['a key with half a surrogate pair', () => executeIdempotent('a\ud800', fine), 'key'],
  ['an operation that is none', () => executeIdempotent('k', 'x' as unknown as () => number), 'operation'],
  ['ttlMs 0', () => executeIdempotent('k', fine, { ttlMs: 0 }), 'ttlMs'],
  ['ttlMs NaN', () => executeIdempotent('k', fine, { ttlMs: Number.NaN }), 'ttlMs'],
  ['ttlMs below 0', () => executeIdempotent('k', fine, { ttlMs: -1 }), 'ttlMs'],
  ['ttlMs without end', () => executeIdempotent('k', fine, { ttlMs: Infinity }), 'ttlMs'],
  ['ttlMs as a text', () => executeIdempotent('k', fine, { ttlMs: '1' as unknown as number }), 'ttlMs'],
  ['leaseMs too short', () => executeIdempotent('k', fine, { leaseMs: 99 }), 'leaseMs'],
  ['leaseMs NaN', () => executeIdempotent('k', fine, { leaseMs: Number.NaN }), 'leaseMs'],
  ['a store that is none', () => executeIdempotent('k', fine, { store: {} as IdempotencyStore }), 'store'],
  ['a signal that is none', () => executeIdempotent('k', fine, { signal: {} as AbortSignal }), 'signal'],
  [
    'a listener that is none',
    () => executeIdempotent('k', fine, { onStoreError: 1 as unknown as () => void }),
    'onStoreError',
  ],
  ['an option that is not known', () => executeIdempotent('k', fine, { ttl: 5 } as ExecuteIdempotentOptions), 'ttl'],
]
for (const [name, run, field] of refusals) {
  test(`refused: ${name}`, async () => {
    const error = await failure(run())
    assert.ok(error instanceof ValidationError || error instanceof OptionsError, String(error))
    assert.equal(error.field, field)
  })
}

test('without a store, results are remembered in this process', async () => {
  const key = 'of this test alone'
  assert.equal(await executeIdempotent(key, () => 1), 1)
  assert.equal(await executeIdempotent(key, () => 2), 1)
  assert.equal(await executeIdempotent(key, () => 2, { store: memoryIdempotencyStore() }), 2, 'another store')
})

test('an aborted call ends alone; the execution goes on for the others and is remembered', async () => {
  const self = bench()
  const { promise, resolve } = later<number>()
  const controller = new AbortController()
  const first = self.execute('k', () => promise, { signal: controller.signal })
  const second = self.execute('k', () => promise)
  await self.runtime.clock.advance(10)
  assert.equal(getEventListeners(controller.signal, 'abort').length, 1)
  controller.abort(new Error('enough'))
  const error = await failure(first)
  assert.ok(error instanceof AbortedError)
  assert.equal((error.cause as Error).message, 'enough')
  resolve(7)
  assert.equal(await second, 7)
  assert.equal(await self.execute('k', () => 8), 7)
})

test('an execution that nobody waits for any more is finished and remembered', async () => {
  const self = bench()
  const { promise, resolve } = later<number>()
  const controller = new AbortController()
  const call = failure(self.execute('k', () => promise, { signal: controller.signal }))
  await self.runtime.clock.advance(10)
  controller.abort()
  assert.ok((await call) instanceof AbortedError)
  resolve(7)
  await self.runtime.clock.advance(0)
  assert.equal(await self.execute('k', () => 8), 7)
  assert.equal(self.calls, 1)
})

test('with a signal that has aborted nothing begins, and no listener is left behind on one that has not', async () => {
  const self = bench()
  assert.ok((await failure(self.execute('k', fine, { signal: AbortSignal.abort() }))) instanceof AbortedError)
  assert.equal(self.calls, 0)
  const { signal } = new AbortController()
  await self.execute('k', fine, { signal })
  await self.execute('k', fine, { signal })
  await failure(self.execute('f', () => Promise.reject(new Error('no')), { signal }))
  await self.runtime.clock.advance(0)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('while another process executes, the call waits for its result', async () => {
  const self = bench()
  await self.store.begin({ key: 'k', token: 'elsewhere', leaseMs: 60_000 })
  const calls = [self.execute('k', fine), self.execute('k', fine)]
  await self.runtime.clock.advance(10_000)
  await self.store.complete({ key: 'k', token: 'elsewhere', value: '["theirs"]', ttlMs: undefined })
  await self.runtime.clock.advance(250)
  assert.deepEqual(await Promise.all(calls), ['theirs', 'theirs'])
  assert.equal(self.calls, 0)
  assert.equal(self.runtime.clock.pending, 0)
})

test('when another process fails or dies, the call executes by itself', async () => {
  const self = bench()
  await self.store.begin({ key: 'fails', token: 'elsewhere', leaseMs: 60_000 })
  await self.store.begin({ key: 'dies', token: 'elsewhere', leaseMs: 60_000 })
  const calls = [self.execute('fails', () => 'mine'), self.execute('dies', () => 'mine')]
  await self.runtime.clock.advance(1_000)
  assert.equal(self.calls, 0)
  await self.store.abandon({ key: 'fails', token: 'elsewhere' })
  await self.runtime.clock.advance(250)
  assert.equal(await calls[0], 'mine')
  await self.runtime.clock.advance(58_749)
  assert.equal(self.calls, 1)
  await self.runtime.clock.advance(1)
  assert.equal(await calls[1], 'mine')
})

test('a call that waits for another process and is aborted executes nothing later', async () => {
  const self = bench()
  await self.store.begin({ key: 'k', token: 'elsewhere', leaseMs: 1_000 })
  const controller = new AbortController()
  const call = failure(self.execute('k', fine, { signal: controller.signal }))
  await self.runtime.clock.advance(500)
  controller.abort()
  assert.ok((await call) instanceof AbortedError)
  await self.runtime.clock.advance(10_000)
  assert.equal(self.calls, 0)
  assert.equal(self.runtime.clock.pending, 0)
  assert.equal(await self.execute('k', fine), 1, 'the key is free')
})

test('a caller who comes when all others have gone keeps the wait going', async () => {
  const self = bench()
  await self.store.begin({ key: 'k', token: 'elsewhere', leaseMs: 1_000 })
  const controller = new AbortController()
  const gone = failure(self.execute('k', fine, { signal: controller.signal }))
  await self.runtime.clock.advance(500)
  controller.abort()
  const stays = self.execute('k', () => assert.fail('the operation of the first call is the one that counts'))
  await self.runtime.clock.advance(500)
  assert.equal(await stays, 1)
  assert.ok((await gone) instanceof AbortedError)
})

test('the lease is renewed as long as the operation runs, and not after it', async () => {
  const self = bench()
  const { promise, resolve } = later<number>()
  const call = self.execute('k', () => promise, { leaseMs: 300 })
  for (let waited = 0; waited < 100_000; waited += 1_000) {
    await self.runtime.clock.advance(1_000)
    assert.equal((await self.store.begin({ key: 'k', token: 'elsewhere', leaseMs: 300 })).state, 'running')
  }
  resolve(1)
  assert.equal(await call, 1)
  assert.equal(self.runtime.clock.pending, 0)
})

test('after a take-over the result that was there first is everybody’s', async () => {
  const self = bench()
  const { promise, resolve } = later<string>()
  const call = self.execute('k', () => promise, { leaseMs: 300 })
  await self.runtime.clock.advance(0)
  // As a process that was stopped for longer than its lease finds it.
  await self.store.complete({ key: 'k', token: 'elsewhere', value: '["theirs"]', ttlMs: undefined })
  resolve('mine')
  assert.equal(await call, 'theirs')
})

/** A store of which one method fails. */
function broken(store: IdempotencyStore, method: keyof IdempotencyStore): IdempotencyStore {
  const fails = { [method]: () => Promise.reject(new Error(`${method} fails`)) }
  return {
    begin: (ask) => store.begin(ask),
    renew: (ask) => store.renew(ask),
    complete: (ask) => store.complete(ask),
    abandon: (ask) => store.abandon(ask),
    ...fails,
  }
}

test('a store that cannot say who executes ends the call with its error, and nothing is executed', async () => {
  const self = bench()
  const store = broken(self.store, 'begin')
  const calls = [1, 2].map(() => failure(self.execute('k', fine, { store })))
  for (const error of await Promise.all(calls)) assert.match(String(error), /begin fails/)
  assert.equal(self.calls, 0)
})

test('a store that fails after the operation changes nothing for the caller, and the listener is told', async () => {
  const self = bench()
  const errors: string[] = []
  const onStoreError = (error: unknown): void => {
    errors.push((error as Error).message)
    throw new Error('a listener that throws harms nothing')
  }
  const complete = broken(self.store, 'complete')
  assert.equal(await self.execute('k', () => 'done', { store: complete, onStoreError }), 'done')
  const abandon = broken(self.store, 'abandon')
  const error = await failure(
    self.execute('a', () => Promise.reject(new Error('its own')), { store: abandon, onStoreError }),
  )
  assert.equal((error as Error).message, 'its own')
  const { promise, resolve } = later<number>()
  const slow = self.execute('r', () => promise, { store: broken(self.store, 'renew'), onStoreError, leaseMs: 300 })
  await self.runtime.clock.advance(250)
  resolve(1)
  assert.equal(await slow, 1)
  assert.deepEqual(errors, ['complete fails', 'abandon fails', 'renew fails', 'renew fails'])
})

test('more keys at once than may be are refused, and nothing is executed for them', async () => {
  const self = bench()
  const { promise, resolve } = later<number>()
  const first = self.execute('k', () => promise)
  const flights = flightsOf(self.store)
  const flight = flights.get('k')!
  for (let n = 1; n < 100_000; n++) flights.set(`other ${n}`, flight)
  const error = await failure(self.execute('one more', fine))
  assert.ok(error instanceof ExecutionsFullError)
  assert.deepEqual([error.code, error.limit], ['EXECUTIONS_FULL', 100_000])
  const shared = self.execute('k', fine)
  resolve(3)
  assert.deepEqual([await first, await shared], [3, 3])
  assert.equal(await self.execute('one more', fine), 1)
})
