import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'

import { bar, barWidth, holdfastLine, officialLine, stateLine } from '../../demo/display/bar.ts'
import type { Scene } from '../../demo/display/display.ts'
import { clock, duration, timeOfDay, wrap } from '../../demo/display/format.ts'
import { jsonDisplay } from '../../demo/display/json.ts'
import { headLines } from '../../demo/display/lines.ts'
import { painterFor } from '../../demo/display/paint.ts'
import { plainDisplay } from '../../demo/display/plain.ts'
import { PLAN } from '../../demo/plan.ts'
import type { Result } from '../../demo/result.ts'

const noColour = (_colour: string, text: string): string => text

const scene: Scene = {
  atMs: 12_345,
  timeOfDayMs: 20 * 3_600_000 + 90_000,
  calls: 4_000,
  holdfast: {
    isAlive: true,
    arrived: 1_000,
    waiting: 2_000,
    perSecond: 1_234,
    role: 'active',
    circuitState: 'half-open',
    oldestAgeMs: 61_000,
  },
  official: { arrived: 2_000, underWay: 500, lost: 1_000, perSecond: 333 },
}

const result: Result = {
  seed: 1,
  durationMs: 15_000,
  lines: 4_402,
  notMade: 400,
  holdfast: {
    calls: 4_002,
    accepted: 4_002,
    refused: 0,
    madeAgain: 3,
    arrived: 4_002,
    delivered: 4_002,
    lost: 0,
    recordedTwice: 0,
    duplicatesAbsorbed: 12,
    duplicatesWithAnotherId: 0,
    unasked: 0,
    orderViolations: 0,
    wrongTimes: 0,
    longestDelayMs: 9_100,
    callerWait: { medianMs: 1.8, longestMs: 44 },
    campaignWindow: { events: 3_300, inside: 3_300, smallestMarginMs: 72 * 3_600_000 - 9_100 },
  },
  official: {
    calls: 4_002,
    succeeded: 2_800,
    failed: 1_000,
    gone: 202,
    arrived: 2_822,
    lost: 1_180,
    recordedTwice: 14,
    longestDelayMs: 2_400,
    callerWait: { medianMs: 30, longestMs: 2_500 },
  },
  left: { waiting: 0, deadLetters: 0 },
  broken: [],
  timeline: [{ atMs: 4_200, who: 'Customer.io', text: 'is down' }],
}

function printed(show: (stream: PassThrough) => void): string {
  const stream = new PassThrough()
  show(stream)
  return String(stream.read() ?? '')
}

test('times are written as people read them', () => {
  assert.deepEqual([0, 4_249, 59_999, 61_050].map(clock), ['00:00.0', '00:04.2', '00:59.9', '01:01.0'])
  assert.deepEqual([8 * 3_600_000, 22 * 3_600_000 - 1].map(timeOfDay), ['08:00', '21:59'])
  assert.deepEqual([1.84, 44.4, 2_449, 61_000, 72 * 3_600_000 - 9_100].map(duration), [
    '1.8 ms',
    '44 ms',
    '2.4 s',
    '1 min 1 s',
    '71 h 59 min 50 s',
  ])
})

test('text is broken between words, and a word that is too long stands alone', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three'])
  assert.deepEqual(wrap('a verylongword b', 5), ['a', 'verylongword', 'b'])
})

test('a bar shows its parts in their shares and fills its width', () => {
  const parts = [
    { amount: 1, sign: '█', colour: 'green' },
    { amount: 2, sign: '▓', colour: 'yellow' },
  ] as const
  assert.equal(bar(4, parts, 8, noColour), '██▓▓▓▓░░')
  assert.equal(bar(3, parts, 8, noColour), '███▓▓▓▓▓')
  assert.equal(bar(0, [], 4, noColour), '░░░░')
  // More than the whole, as when a rate is read between two steps, does not overflow.
  assert.equal(bar(2, parts, 4, noColour), '██▓▓')
})

test('the live lines fit 80 columns and 120, and the bars take what room there is', () => {
  for (const columns of [80, 100, 120]) {
    for (const line of [holdfastLine(scene, columns, noColour), officialLine(scene, columns, noColour)]) {
      assert.ok(line.length < columns, `${line.length} of ${columns}: ${line}`)
    }
    assert.ok(stateLine(scene, noColour).length < columns)
  }
  assert.ok(barWidth(120) > barWidth(80))
})

test('the state line says who is dead and who stands by', () => {
  assert.match(stateLine(scene, noColour), /^20:01 in the shop; Holdfast's circuit: half-open, .* 1 min 1 s$/)
  const dead = { ...scene, holdfast: { ...scene.holdfast, isAlive: false } }
  const standing = { ...scene, holdfast: { ...scene.holdfast, role: 'standby' as const } }
  assert.match(stateLine(standing, noColour), /Holdfast stands by, oldest/)
  assert.match(stateLine(dead, noColour), /both processes are dead/)
})

test('without a terminal the show is lines without colour, and the state now and then', () => {
  const text = printed((stream) => {
    const display = plainDisplay(stream)
    display.open({ lines: 4_402, people: 378, plan: PLAN })
    display.note({ atMs: 4_200, who: 'Customer.io', text: 'is down' })
    for (const atMs of [4_300, 4_400, 6_400]) display.show({ ...scene, atMs })
    display.close(result)
  })
  assert.ok(!text.includes('\u001B'))
  assert.match(text, /^00:04\.2 {2}Customer\.io {6}is down$/m)
  assert.equal(text.match(/\.\.\. Holdfast 1,000 arrived, 2,000 waiting/g)?.length, 2)
  assert.match(text, /^lost +0 +1,180$/m)
  assert.match(text, /Every promise held: all 4,002 accepted operations arrived, once and in order/)
})

test('the table fits 80 columns', () => {
  const text = printed((stream) => plainDisplay(stream).close(result))
  const table = text.split('\n').filter((line) => / {3}/.test(line))
  assert.ok(table.length > 12)
  for (const line of table) assert.ok(line.length <= 80, line)
})

test('a broken promise stands at the end in plain words', () => {
  const broken = { ...result, broken: ['3 operations that were accepted never arrived.'] }
  const text = printed((stream) => plainDisplay(stream).close(broken))
  assert.match(text, /A promise is broken:\n {2}3 operations that were accepted never arrived\.\n/)
  assert.ok(!text.includes('Every promise held'))
})

test('the head says how large the day is', () => {
  const text = headLines({ lines: 4_402, people: 378, plan: PLAN }, 80, painterFor(new PassThrough())).join(' ')
  assert.match(text, /4,402 calls of 378 people/)
  assert.match(text, /from 8 to 22 o'clock in 14 seconds:/)
})

test('for machines there is one JSON object and nothing else', () => {
  const text = printed((stream) => {
    const display = jsonDisplay(stream)
    display.open({ lines: 1, people: 1, plan: PLAN })
    display.note({ atMs: 0, who: 'shop', text: 'opens' })
    display.show(scene)
    display.close(result)
  })
  assert.deepEqual(JSON.parse(text), result)
})
