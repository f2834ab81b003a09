import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { LOG_LINES, type LogThreshold } from '../../src/logs/log-line.ts'
import { logRelay } from '../../src/logs/relay-log.ts'
import type { HoldfastEvent } from '../../src/observe/events.ts'
import type { RelayEvent, RelayListener } from '../../src/observe/relay-events.ts'
import { createTestLog } from './log.ts'

function world(options: { readonly level?: LogThreshold } = {}) {
  const log = createTestLog(options)
  const listeners = new Set<RelayListener>()
  const relay = {
    on(listener: RelayListener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const writer = logRelay(log.logger, relay, log.clock)
  const emit = (event: RelayEvent): void => {
    for (const listener of listeners) listener(event)
  }
  return {
    ...log,
    writer,
    listeners,
    emit,
    of: (event: HoldfastEvent) => emit({ type: 'workspace', workspace: 'shop', event }),
    said: () =>
      log.lines().map(({ event, code, count }) => [event as string, code, count].filter((part) => part !== undefined)),
  }
}

function answered(result: Extract<RelayEvent, { type: 'answered' }>['result']): RelayEvent {
  return {
    type: 'answered',
    workspace: 'shop',
    route: 'identify',
    status: 200,
    result,
    operations: 1,
    duplicates: 0,
    bytes: 10,
    durationMs: 1.5,
  }
}

test('each transition that a person acts on is one line', () => {
  const { of, emit, said } = world()
  of({ type: 'parked', reason: 'credentials', status: 401 })
  of({ type: 'unparked' })
  of({ type: 'circuit', from: 'closed', to: 'open', cause: 'consecutive', untilMs: 5 })
  of({ type: 'circuit', from: 'open', to: 'half-open', cause: 'elapsed', untilMs: null })
  of({ type: 'circuit', from: 'half-open', to: 'closed', cause: 'probes', untilMs: null })
  of({ type: 'paused', scope: 'process' })
  of({ type: 'resumed', scope: 'process' })
  of({ type: 'role', role: 'active' })
  of({ type: 'store', server: 'redis 7.0.15', risks: [] })
  of({ type: 'store', server: 'redis 7.0.15', risks: ['it keeps nothing on a disk'] })
  of({ type: 'spill', state: 'begun', code: 'OUTBOX_UNAVAILABLE', waiting: 0 })
  of({ type: 'spill', state: 'ended', code: null, waiting: 0 })
  of({ type: 'quarantined', path: '/data/shop.db.damaged-1', recovered: 5, lost: null })
  emit({ type: 'phase', from: 'starting', to: 'serving' })
  emit({ type: 'workspaces', added: 1, changed: 0, removed: 2 })
  assert.deepEqual(said(), [
    ['parked', 'credentials'],
    ['unparked'],
    ['circuit-open', 'consecutive'],
    ['circuit-closed', 'probes'],
    ['paused'],
    ['resumed'],
    ['role'],
    ['store'],
    ['store-risks', 1],
    ['spilling', 'OUTBOX_UNAVAILABLE'],
    ['spill-ended'],
    ['quarantined'],
    ['phase'],
    ['workspaces'],
  ])
})

test('no request is a line, at level debug each is', () => {
  const quiet = world()
  const loud = world({ level: 'debug' })
  for (const { emit, of } of [quiet, loud]) {
    for (let count = 0; count < 100; count++) {
      emit(answered('stored'))
      of({ type: 'accepted', operations: 1, duplicates: 0, durationMs: 1 })
      of({
        type: 'request',
        entries: 1,
        bytes: 2,
        durationMs: 3,
        status: 500,
        outcome: 'retry',
        reason: 'status-500',
        probe: false,
      })
      of({ type: 'delivered', entries: [{ id: 'x', type: 'event', delayMs: 5 }] })
    }
  }
  assert.equal(quiet.lines().length, 0)
  assert.equal(loud.lines().length, 200)
})

test('dead letters are one line at once, then one in 10 s for each reason with the count', async () => {
  const { of, said, clock } = world()
  const dead = (reason: 'rejected' | 'expired'): HoldfastEvent => ({
    type: 'dead-letter',
    entries: [{ id: 'i', type: 'event', delayMs: 1, reason }],
  })
  for (let count = 0; count < 500; count++) of(dead('rejected'))
  of(dead('expired'))
  assert.deepEqual(said(), [
    ['dead-letters', 'rejected', 1],
    ['dead-letters', 'expired', 1],
  ])
  await clock.advance(10_000)
  assert.deepEqual(said().slice(2), [['dead-letters', 'rejected', 499]])
  await clock.advance(10_000)
  assert.equal(clock.pending, 0)
  of(dead('rejected'))
  assert.deepEqual(said().slice(3), [['dead-letters', 'rejected', 1]])
})

test('a store that cannot store is said first, then every minute with the count, and again when it can', async () => {
  const { of, said, clock } = world()
  const refused: HoldfastEvent = { type: 'refused', code: 'OUTBOX_DISK_FULL', operations: 2 }
  for (let count = 0; count < 10; count++) of(refused)
  await clock.advance(60_000)
  of({ type: 'refused', code: 'OUTBOX_FULL', operations: 1 })
  of({ type: 'refused', code: 'INVALID_CALL', operations: 1 })
  of({ type: 'accepted', operations: 1, duplicates: 0, durationMs: 1 })
  of({ type: 'accepted', operations: 1, duplicates: 0, durationMs: 1 })
  assert.deepEqual(said(), [
    ['cannot-store', 'OUTBOX_DISK_FULL', 2],
    ['cannot-store', 'OUTBOX_DISK_FULL', 18],
    ['outbox-full', 'OUTBOX_FULL', 1],
    ['storing-again'],
  ])
})

test('what is still uncounted at the end is said, and no timer and no subscription stays', () => {
  const { emit, of, said, writer, clock, listeners } = world()
  for (let count = 0; count < 3; count++) {
    emit(answered('unauthorized'))
    emit(answered('busy'))
    emit({ type: 'connection', refused: 'too-many' })
    of({ type: 'throttled', perSecond: 70, cooldownMs: 1_000 })
    of({ type: 'lint', call: 'track', field: 'data.plan', reason: 'too-long' })
  }
  writer.end()
  assert.deepEqual(
    said()
      .filter((line) => line.at(-1) === 2)
      .map((line) => line[0] as string)
      .sort((a, b) => a.localeCompare(b)),
    ['connection-refused', 'lint', 'overloaded', 'throttled', 'unauthorized'],
  )
  assert.equal(clock.pending, 0)
  assert.equal(listeners.size, 0)
})

test('whatever an event holds, no text of a customer comes into the log', () => {
  const secret = fc.tuple(fc.string(), fc.string()).map(([a, b]) => `${a}ada@example.com ${b}`)
  const code = fc.oneof(secret, fc.constantFrom('OUTBOX_FULL', 'OUTBOX_DISK_FULL'))
  const numbers = { entries: fc.nat(), bytes: fc.nat(), durationMs: fc.double(), status: fc.nat() }
  const anyEvent = fc.oneof(
    fc.record({ type: fc.constant('refused'), code, operations: fc.nat() }),
    fc.record({ type: fc.constant('lint'), call: secret, field: secret, reason: secret, limit: secret }),
    fc.record({ type: fc.constant('request'), ...numbers, outcome: secret, reason: secret, probe: fc.boolean() }),
    fc.record({
      type: fc.constantFrom('dead-letter', 'delivered'),
      entries: fc.array(
        fc.record({ id: secret, type: secret, reason: secret, field: secret, message: secret, status: fc.nat() }),
      ),
    }),
    fc.record({ type: fc.constant('retrying'), entries: fc.nat(), reason: secret, delayMs: fc.nat() }),
    fc.record({ type: fc.constant('circuit'), from: secret, to: fc.constantFrom('open', 'closed'), cause: secret }),
    fc.record({ type: fc.constant('parked'), reason: secret, status: fc.nat(), body: secret }),
    fc.record({ type: fc.constant('role'), role: secret }),
    fc.record({ type: fc.constant('outbox-error'), code: secret, during: secret }),
    fc.record({ type: fc.constant('damaged-entry'), position: secret }),
    fc.record({ type: fc.constant('probed'), outcome: secret, status: fc.nat(), durationMs: fc.nat() }),
    fc.record({ type: secret, payload: secret }),
  )
  const anyRelayEvent = fc.oneof(
    fc.record({ type: fc.constant('workspace'), workspace: fc.constant('shop'), event: anyEvent }),
    fc.record({
      type: fc.constant('answered'),
      workspace: fc.constant('shop'),
      route: secret,
      status: fc.nat(),
      result: fc.oneof(secret, fc.constantFrom('unauthorized', 'busy')),
      body: secret,
    }),
    fc.record({ type: fc.constant('phase'), from: secret, to: secret }),
    fc.record({ type: fc.constant('connection'), refused: secret }),
  )
  fc.assert(
    fc.property(fc.array(anyRelayEvent, { maxLength: 20 }), (events) => {
      const { emit, text, writer } = world({ level: 'debug' })
      for (const event of events) emit(event as unknown as RelayEvent)
      writer.end()
      assert.ok(!text().includes('ada@'), text())
      assert.ok(!text().includes('example'), text())
    }),
    { seed: 4, numRuns: 500 },
  )
})

test('the documents list every line of the log with its level, when it comes and what to do', () => {
  const page = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8')
  for (const [event, { level, when, doThis }] of Object.entries(LOG_LINES)) {
    assert.ok(page.includes(`| \`${event}\` | ${level} | ${when} | ${doThis} |`), event)
  }
})
