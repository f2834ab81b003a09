/** What a pipeline takes: operations of every kind, and options that are wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OptionsError } from '../../src/errors.ts'
import type { PipelineOptions } from '../../src/resilience/pipeline-options.ts'
import { createPipeline } from '../../src/resilience/pipeline.ts'
import { StatusError, world } from './pipeline-world.ts'

/** Not written out, for thenables are what these tests are about. */
const THEN: string = ['th', 'en'].join('')

test('whatever an operation does is an outcome: sync values and throws, rejecting with nothing, odd thenables', async () => {
  const { pipeline, clock } = world({ retry: { attempts: 1 } })
  const outcomes: readonly (readonly [string, () => unknown, boolean])[] = [
    ['a value', () => 1, true],
    ['undefined', () => undefined, true],
    ['null', () => null, true],
    ['a function', () => () => 1, true],
    ['a thenable', () => ({ [THEN]: (resolve: (value: number) => void) => resolve(1) }), true],
    ['an object whose then is no function', () => ({ [THEN]: 1 }), true],
    [
      'a throw',
      () => {
        throw new StatusError(500)
      },
      false,
    ],
    [
      'a throw of undefined',
      () => {
        throw undefined
      },
      false,
    ],
    ['a rejection with undefined', () => Promise.reject(undefined), false],
    [
      'a thenable that throws',
      () => ({
        [THEN]: () => {
          throw new StatusError(500)
        },
      }),
      false,
    ],
    [
      'a then that throws when it is read',
      () => ({
        get [THEN](): never {
          throw new StatusError(500)
        },
      }),
      false,
    ],
  ]
  for (const [name, operation, ok] of outcomes) {
    assert.equal((await pipeline.tryExecute('a', operation)).ok, ok, name)
    assert.equal(pipeline.stats().limits.a.inFlight, 0, name)
    await pipeline.tryExecute('a', () => 1)
  }
  await clock.advance(25)
  assert.equal(clock.pending, 0)
})

test('wrong options and unknown limits are errors that name them', async () => {
  const limits = { a: { perSecond: 1 } }
  const wrong: readonly (readonly [field: string, options: object])[] = [
    ['limits', { limits: {} }],
    ['limits', {}],
    ['limits.a', { limits: { a: 5 } }],
    ['limits.a.perSecond', { limits: { a: {} } }],
    ['limits.a.concurrency', { limits: { a: { perSecond: 1, concurrency: 0 } } }],
    ['limits.a.queue', { limits: { a: { perSecond: 1, queue: -1 } } }],
    ['timeoutMs', { limits, timeoutMs: 0 }],
    ['deadlineMs', { limits, deadlineMs: NaN }],
    ['onOpen', { limits, onOpen: 'sleep' }],
    ['unauthorizedMax', { limits, unauthorizedMax: 0 }],
    ['classify', { limits, classify: 'x' }],
    ['retry.attempts', { limits, retry: { attempts: 0 } }],
    ['retry.retryAfterCapMs', { limits, retry: { retryAfterCapMs: -1 } }],
    ['openMs', { limits, breaker: { openMs: -1 } }],
  ]
  for (const [field, options] of wrong) {
    assert.throws(
      () => createPipeline(options as PipelineOptions<'a'>),
      (error: unknown) => error instanceof OptionsError && error.field === field,
      field,
    )
  }
  const { pipeline } = world()
  const named = (field: string) => (error: unknown) => error instanceof OptionsError && error.field === field
  await assert.rejects(
    pipeline.execute('c' as 'a', () => 1),
    named('limit'),
  )
  await assert.rejects(pipeline.ready('c' as 'a'), named('limit'))
  await assert.rejects(
    pipeline.tryExecute('a', () => 1, { deadlineMs: -1 }),
    named('deadlineMs'),
  )
  await assert.rejects(
    pipeline.execute('a', () => 1, { timeoutMs: 0 }),
    named('timeoutMs'),
  )
  await assert.rejects(pipeline.execute('a', 5 as unknown as () => number), named('operation'))
  assert.throws(() => pipeline.isolate(7 as unknown as string), named('reason'))
  assert.equal(pipeline.stats().calls, 0)
})
