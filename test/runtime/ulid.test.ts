import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isUlid, ulid, ulidOfBytes } from '../../src/runtime/ulid.ts'

test('a ULID has the spec example time in its first ten characters', () => {
  // The example of the specification: 1469918176385 is 01ARYZ6S41.
  const text = ulid(1_469_918_176_385, new Uint8Array(10))
  assert.equal(text, '01ARYZ6S410000000000000000')
  assert.ok(isUlid(text))
})

test('every 16 bytes are a ULID, the largest included', () => {
  assert.equal(ulidOfBytes(new Uint8Array(16).fill(255)), '7ZZZZZZZZZZZZZZZZZZZZZZZZZ')
  assert.equal(ulidOfBytes(new Uint8Array(16)), '00000000000000000000000000')
})

test('what is not a ULID is not taken for one', () => {
  for (const text of [
    '',
    '8ZZZZZZZZZZZZZZZZZZZZZZZZZ',
    '01ARYZ6S41000000000000000',
    '01aryz6s410000000000000000',
    '01ARYZ6S41000000000000000U',
  ]) {
    assert.ok(!isUlid(text), text)
  }
})
