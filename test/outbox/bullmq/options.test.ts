import assert from 'node:assert/strict'
import { test } from 'node:test'

import { OptionsError } from '../../../src/errors.ts'
import { type BullmqOutboxOptions, bullmqOutbox } from '../../../src/outbox/bullmq.ts'

const wrong: readonly (readonly [field: string, options: Readonly<Record<string, unknown>>])[] = [
  ['prefix', { prefix: '' }],
  ['prefix', { prefix: '{own}' }],
  ['prefix', { prefix: 'a b' }],
  ['prefix', { prefix: 'x'.repeat(101) }],
  ['commandTimeoutMs', { commandTimeoutMs: 0 }],
  ['commandTimeoutMs', { commandTimeoutMs: '2s' }],
  ['requireDurability', { requireDurability: 'yes' }],
  ['onOutage', { onOutage: 'drop' }],
  ['deliverAfterMs', { deliverAfterMs: -1 }],
  ['spill', { spill: true }],
  ['spill', { spill: null }],
  ['spill.path', { spill: { path: '' } }],
  ['spill.maxOperations', { spill: { maxOperations: 0 } }],
  ['spill.maxBytes', { spill: { maxBytes: 1.5 } }],
  ['maxOperations', { maxOperations: 0 }],
]

for (const [field, options] of wrong) {
  test(`bullmqOutbox refuses ${JSON.stringify(options).slice(0, 60)} and names ${field}`, () => {
    assert.throws(
      () => bullmqOutbox({ connection: 'redis://localhost', ...options }),
      (error) => error instanceof OptionsError && error.field === field,
    )
  })
}

test('bullmqOutbox refuses no options at all', () => {
  assert.throws(() => bullmqOutbox(undefined as unknown as BullmqOutboxOptions), { name: 'OptionsError' })
})
