import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { TrackClient } from 'customerio-node'

import { callMethod } from '../../demo/backend/serve.ts'
import { type Line, METHODS, parseLines, writeLines } from '../../demo/calls/line.ts'
import { markOfCall, markOfLine, peopleOf } from '../../demo/calls/mark.ts'
import { DATA_URL, readShopDay } from '../../demo/calls/read.ts'
import { generate } from '../../demo/generate-data.ts'
import { DAY_MS } from '../../demo/shop/diary.ts'
import type { Receipt } from '../../src/index.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { createWorld } from '../client/world.ts'
import { using } from '../using.ts'

const lines = readShopDay()

test('the data file is the one that its generator makes, and small enough to ship', () => {
  const text = readFileSync(DATA_URL, 'utf8')
  assert.ok(text === generate(), 'run `node demo/generate-data.ts`')
  assert.ok(Buffer.byteLength(text) < 1_500_000)
})

test('it is a day of some thousand calls of some hundred people, in the order of time, with every method', () => {
  assert.ok(lines.length > 3_500 && lines.length < 5_000, `${lines.length} calls`)
  const people = new Set(lines.flatMap(peopleOf))
  assert.ok(people.size > 250 && people.size < 450, `${people.size} people`)
  assert.deepEqual(new Set(lines.map((line) => line.method)), new Set(METHODS))
  let beforeMs = 0
  for (const { offsetMs } of lines) {
    assert.ok(offsetMs >= beforeMs && offsetMs < DAY_MS)
    beforeMs = offsetMs
  }
})

test('no two calls of the file could be taken for each other at Customer.io', () => {
  assert.equal(new Set(lines.map(markOfLine)).size, lines.length)
})

test('nobody is mentioned again after they were forgotten', () => {
  const forgotten = new Set<string>()
  for (const line of lines) {
    assert.deepEqual(
      peopleOf(line).filter((person) => forgotten.has(person)),
      [],
    )
    if (line.method === 'destroy') for (const person of peopleOf(line)) forgotten.add(person)
  }
  assert.ok(forgotten.size > 0)
})

test('what is written is read as it was, and a line that is no call is named', () => {
  const few = lines.slice(0, 20)
  assert.deepEqual(parseLines(writeLines(few)), few)
  for (const row of [
    '{}',
    '{"offsetMs":1,"method":"close","args":[]}',
    '{"offsetMs":1,"method":"destroy","args":[]}',
  ]) {
    assert.throws(() => parseLines(`${writeLines(few)}${row}\n`), /^Error: line 21 of the data is no call$/)
  }
})

test('through Holdfast every call is accepted, takes effect and has the mark of its line', async () => {
  const { cio, simulator, soon } = createWorld({ rateLimit: { perSecond: 10_000 } })
  await soon(Promise.all(lines.map((line) => callMethod<Receipt>(cio, line))))
  assert.deepEqual(await soon(cio.drain()), { drained: true, waiting: 0 })
  await soon(cio.close())
  const marks = simulator.ledger.applied().map(({ call }) => call && markOfCall(call))
  assert.equal(marks.length, lines.length)
  assert.deepEqual(new Set(marks), new Set(lines.map(markOfLine)))
})

test(
  'through the official client a call has the same mark',
  using(async (use) => {
    const simulator = createSimulator()
    const server = use(await simulator.listen())
    const client = new TrackClient('site', 'key', { url: `${server.url}/api/v1` })
    // Two of each kind, in their order.
    const few = METHODS.flatMap((method): readonly Line[] => lines.filter((line) => line.method === method).slice(0, 2))
    for (const line of few) await callMethod(client, line)
    assert.deepEqual(
      simulator.ledger.all().map(({ call }) => call && markOfCall(call)),
      few.map(markOfLine),
    )
  }),
)
