import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { jsonBytes, jsonExceeds, textExceeds } from '../../src/protocol/bytes.ts'
import type { JsonValue } from '../../src/protocol/json.ts'

test('a text is measured in bytes of UTF-8, exactly at its limit too', () => {
  for (const [text, bytes] of [
    ['', 0],
    ['abc', 3],
    ['ä', 2],
    ['€', 3],
    ['😀', 4],
    ['x'.repeat(150), 150],
    ['€'.repeat(50), 150],
  ] as const) {
    assert.ok(!textExceeds(text, bytes), `${bytes} bytes are not more than ${bytes}`)
    assert.ok(bytes === 0 || textExceeds(text, bytes - 1), `${bytes} bytes are more than ${bytes - 1}`)
  }
})

test('whether JSON exceeds a size agrees with JSON.stringify at every size', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: -3, max: 3 }), fc.nat(2_000), (value, near, far) => {
      const json = value as JsonValue
      const exact = Buffer.byteLength(JSON.stringify(json))
      assert.equal(jsonBytes(json), exact)
      for (const bytesMax of [exact + near, far]) assert.equal(jsonExceeds(json, bytesMax), exact > bytesMax)
    }),
    { seed: 7, numRuns: 1_000 },
  )
})

test('characters that JSON escapes are counted as they are written', () => {
  const text = '\u0000'.repeat(10)
  assert.equal(jsonBytes(text), 62)
  assert.ok(jsonExceeds(text, 61) && !jsonExceeds(text, 62))
  assert.ok(jsonExceeds({ [text]: text }, 126) && !jsonExceeds({ [text]: text }, 127))
})

test('what has a toJSON is measured by what that gives', () => {
  const value = { at: new Date(0) } as unknown as JsonValue
  assert.equal(jsonBytes(value), Buffer.byteLength('{"at":"1970-01-01T00:00:00.000Z"}'))
  assert.ok(jsonExceeds(value, 32) && !jsonExceeds(value, 33))
})

test('what cannot be written is longer than any limit, and nothing throws', () => {
  let deep: JsonValue = 1
  for (let level = 0; level < 100_000; level++) deep = [deep]
  assert.ok(jsonExceeds(deep, 1e9))
  assert.ok(jsonExceeds({ n: 1n } as unknown as JsonValue, 5))
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  assert.ok(jsonExceeds(loop as JsonValue, 1e6))
})
