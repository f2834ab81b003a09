import assert from 'node:assert/strict'
import { test } from 'node:test'

import { watchAttempts } from '../../src/observe/attempts.ts'
import { createEvents, type HoldfastEvent } from '../../src/observe/events.ts'

const request = (status: number | null, durationMs: number, outcome = 'delivered'): HoldfastEvent => ({
  type: 'request',
  entries: 1,
  bytes: 10,
  durationMs,
  status,
  outcome,
  probe: false,
})

test('every listener hears every event in order; one that throws harms no other, and one that left hears nothing', () => {
  const events = createEvents()
  const heard: string[] = []
  assert.equal(events.active(), false)
  events.on(() => {
    throw new Error('bad listener')
  })
  const listener = (event: HoldfastEvent): void => void heard.push(event.type)
  const leave = events.on(listener)
  const leaveSecond = events.on(listener)
  events.emit({ type: 'paused', scope: 'process' })
  leave()
  leave()
  events.emit({ type: 'resumed', scope: 'process' })
  leaveSecond()
  events.emit({ type: 'paused', scope: 'process' })
  assert.deepEqual(heard, ['paused', 'paused', 'resumed'])
  assert.equal(events.active(), true)
})

test('attempts: the median of answers, when one went well, when one failed; an abort says nothing', () => {
  const events = createEvents()
  let wallMs = 1_000
  const attempts = watchAttempts(events, () => wallMs)
  assert.deepEqual([attempts.lastSuccess, attempts.lastFailure, attempts.latencyMs()], [null, null, null])
  for (const durationMs of [10, 30, 20]) events.emit(request(200, durationMs))
  wallMs = 2_000
  events.emit(request(null, 10_000, 'retry'))
  wallMs = 3_000
  events.emit(request(null, 5, 'aborted'))
  assert.deepEqual([attempts.lastSuccess, attempts.lastFailure, attempts.latencyMs()], [1_000, 2_000, 20])
})
