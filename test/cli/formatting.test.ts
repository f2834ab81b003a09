import assert from 'node:assert/strict'
import { test } from 'node:test'

import { agoText, sizeText } from '../../src/cli/amounts.ts'
import { eventText } from '../../src/cli/event-text.ts'
import { pairs, table } from '../../src/cli/table.ts'

const sizes: readonly (readonly [number, string])[] = [
  [0, '0 bytes'],
  [1_023, '1023 bytes'],
  [1_024, '1 KiB'],
  [1_572_864, '1.5 MiB'],
  [188_416, '184 KiB'],
  [2_147_483_648, '2 GiB'],
]

test('sizes are told in powers of 1,024', () => {
  for (const [bytes, text] of sizes) assert.equal(sizeText(bytes), text)
})

test('a time is told as such, and how long ago it was', () => {
  const nowMs = Date.UTC(2026, 0, 1, 14, 14)
  assert.equal(agoText(nowMs - 720_000, nowMs), '2026-01-01T14:02:00Z (12 min ago)')
  assert.equal(agoText(nowMs + 3_600_000, nowMs), '2026-01-01T15:14:00Z (in 1 h)')
})

test('columns are aligned, and colours take no room', () => {
  const text = table(
    [{ title: 'NAME' }, { title: 'COUNT', align: 'right' }, { title: 'WHY' }],
    [
      ['\u001b[32mshop\u001b[0m', '12', ''],
      ['a-longer-name', '1,204', 'full'],
    ],
  )
  assert.equal(
    text,
    ['NAME           COUNT  WHY', '\u001b[32mshop\u001b[0m              12', 'a-longer-name  1,204  full'].join('\n'),
  )
  assert.equal(
    pairs([
      ['id', '7'],
      ['reason', 'none'],
    ]),
    'id      7\nreason  none',
  )
})

test('what others have written can neither break a line nor speak to the terminal', () => {
  assert.equal(pairs([['message', 'a\nb\u001b]0;title\u0007\u001b[2Jc\u009bd']]), 'message  a?b?]0;title??[2Jc?d')
})

test('events are one line each', () => {
  const head = { kind: 'event', sequence: 1, atMs: Date.UTC(2026, 0, 1, 14, 2, 3, 4), workspace: 'shop' } as const
  assert.equal(
    eventText({
      ...head,
      event: { type: 'circuit', from: 'closed', to: 'open', cause: 'too many failures', untilMs: null },
    }),
    '14:02:03.004  shop  circuit  from=closed to=open cause="too many failures"',
  )
  assert.equal(
    eventText({
      ...head,
      event: {
        type: 'dead-letter',
        entries: [{ id: 'A', type: 'event', delayMs: 12, reason: 'rejected', status: 400, message: 'no\nnumber' }],
      },
    }),
    '14:02:03.004  shop  dead-letter  entries=1 A:event(rejected 400 "no\\nnumber")',
  )
  const entries = ['A', 'B', 'C', 'D'].map((id) => ({ id, type: 'event', delayMs: 1 }))
  assert.match(eventText({ ...head, event: { type: 'delivered', entries } }), /entries=4 A:event B:event C:event …$/)
  assert.equal(eventText({ kind: 'gap', missed: 1_204 }), '… 1,204 events are missing here: this reads too slowly')
})
