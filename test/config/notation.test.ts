import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/notation.ts'

test('a time is a number with its unit', () => {
  const table: readonly (readonly [string, number | null])[] = [
    ['500ms', 500],
    ['5s', 5_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['3d', 259_200_000],
    ['0', 0],
    ['0s', 0],
    ['5', null],
    ['5 s', null],
    ['5S', null],
    ['-5s', null],
    ['5s5s', null],
    ['.5s', null],
    ['1e3s', null],
    ['', null],
    ['s', null],
    ['5sec', null],
  ]
  for (const [text, ms] of table) assert.equal(parseDuration(text), ms, text)
})

test('a size is a number, with a unit or in bytes', () => {
  const table: readonly (readonly [string, number | null])[] = [
    ['64KiB', 65_536],
    ['2GiB', 2_147_483_648],
    ['10MB', 10_000_000],
    ['10kB', 10_000],
    ['10KB', 10_000],
    ['1.5MiB', 1_572_864],
    ['2000000', 2_000_000],
    ['7B', 7],
    ['1Gi', null],
    ['1gb', null],
    ['1 MB', null],
    ['-1MB', null],
    ['', null],
    ['MB', null],
  ]
  for (const [text, bytes] of table) assert.equal(parseSize(text), bytes, text)
})

test('what is written is read back as the same', () => {
  assert.equal(formatDuration(25_000), '25s')
  assert.equal(formatDuration(90_000), '90s')
  assert.equal(formatSize(2_147_483_648), '2GiB')
  assert.equal(formatSize(2_000_000), '2MB')
  fc.assert(
    fc.property(fc.nat(400 * 86_400_000), (ms) => {
      assert.equal(parseDuration(formatDuration(ms)), ms)
    }),
    { seed: 4 },
  )
  fc.assert(
    fc.property(fc.maxSafeNat(), (bytes) => {
      assert.equal(parseSize(formatSize(bytes)), bytes)
    }),
    { seed: 4 },
  )
})
