import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readArguments } from '../../demo/arguments.ts'

test('without options the demo is a show at full length', () => {
  assert.deepEqual(readArguments([]), { json: false, fast: false, help: false, seed: 1 })
})

test('every option is read', () => {
  assert.deepEqual(readArguments(['--json', '--fast', '--seed', '7', '--help']), {
    json: true,
    fast: true,
    help: true,
    seed: 7,
  })
})

test('what is not known, and a seed that is none, is refused', () => {
  for (const args of [['--slow'], ['now'], ['--seed'], ['--seed', '1.5'], ['--seed=-1'], ['--seed', 'x']]) {
    assert.throws(() => readArguments(args), Error, args.join(' '))
  }
})
