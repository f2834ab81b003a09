import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deserialize, serialize } from 'node:v8'

import * as fc from 'fast-check'

import { OutboxError, OutboxFullError } from '../../../src/errors.ts'
import type { ClaimedEntry, NewEntry } from '../../../src/outbox/outbox.ts'
import {
  emptyGroup,
  packClaim,
  packEntry,
  packError,
  unpackClaim,
  unpackError,
  unpackGroup,
} from '../../../src/outbox/sqlite/wire.ts'

const time = fc.integer({ min: 0, max: 4_000_000_000_000 })
const text = fc.string({ unit: 'binary', maxLength: 20 })

const entry: fc.Arbitrary<NewEntry> = fc.record(
  {
    id: text,
    lanes: fc.array(text, { minLength: 1, maxLength: 4 }),
    type: fc.constantFrom('event', 'identify', 'merge', 'push'),
    priority: fc.constantFrom('live', 'bulk'),
    acceptedAtMs: time,
    expiresAtMs: fc.option(time),
    campaignAtMs: fc.option(time),
    keyed: fc.boolean(),
    body: text,
  },
  { noNullPrototype: true },
)

/** As between two threads. */
const across = <Value>(value: Value): Value => deserialize(serialize(value)) as Value

test('calls of append come out of their group as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.array(entry, { maxLength: 5 }), { maxLength: 5 }), (calls) => {
      const group = emptyGroup()
      for (const call of calls) {
        group.calls.push(call.length)
        for (const each of call) packEntry(group.entries, each, 0, 0)
      }
      assert.deepEqual(unpackGroup(across(group)).appends, calls)
    }),
    { seed: 2_026 },
  )
})

test('a claim comes out as it went in', () => {
  const claimed = fc
    .tuple(entry, fc.integer({ min: 1, max: 2 ** 50 }), fc.nat())
    .map(([each, position, attempts]): ClaimedEntry => ({ ...each, position: String(position), attempts }))
  fc.assert(
    fc.property(fc.array(claimed, { maxLength: 10 }), fc.option(fc.nat()), (entries, nextInMs) => {
      const claim = { lease: '7.1', entries, nextInMs, role: 'active' } as const
      assert.deepEqual(unpackClaim(across(packClaim(claim))), claim)
    }),
    { seed: 2_026 },
  )
})

test('errors keep their class, code, details and cause', () => {
  const cause = new Error('below')
  const error = unpackError(across(packError(new OutboxError('OUTBOX_DISK_FULL', 'full', { path: '/x', cause }))))
  assert.ok(error instanceof OutboxError)
  assert.deepEqual([error.code, error.message, error.path], ['OUTBOX_DISK_FULL', 'full', '/x'])
  assert.equal((error.cause as Error).message, 'below')
  const details = { bound: 'bytes', limit: 10, used: 9, retryAfterMs: 5 } as const
  const full = unpackError(across(packError(new OutboxFullError(details))))
  assert.ok(full instanceof OutboxFullError)
  assert.deepEqual({ bound: full.bound, limit: full.limit, used: full.used, retryAfterMs: full.retryAfterMs }, details)
})
