import assert from 'node:assert/strict'
import { test } from 'node:test'

import { crashLine } from '../../src/service/crash-line.ts'

test('an error is told by its name, its code and its places, never by its message', () => {
  const line = crashLine(Object.assign(new RangeError('ada@example.com\n    at ada@example.com'), { code: 'E_X' }))
  assert.equal(line.code, 'E_X')
  assert.equal(line.fields?.['name'], 'RangeError')
  const stack = line.fields?.['stack'] as readonly string[]
  assert.ok(stack.some((frame) => frame.includes('crash-line.test.ts')))
  assert.ok(!JSON.stringify(line).includes('ada@'))
})

test('what is thrown and no error is told by its kind', () => {
  assert.deepEqual(crashLine('ada@example.com').fields, { name: 'string', stack: [] })
  assert.equal(crashLine(undefined).fields?.['name'], 'undefined')
})
