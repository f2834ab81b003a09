/** The short form of `npm run fuzz`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readAnswers } from '../fuzz/answers.ts'
import { fuzzCase } from '../fuzz/requests.ts'
import { caseRandom, runFuzz } from '../fuzz/run.ts'
import { startTarget } from '../fuzz/target.ts'

test('4,000 random requests to the relay: each answer is valid and allowed, and the server lives', async () => {
  const target = await startTarget()
  try {
    const report = await runFuzz({
      url: target.url,
      requests: 4_000,
      seed: 20_261,
      memoryBytes: () => process.memoryUsage.rss(),
    })
    assert.deepEqual(report.problems, [])
    assert.deepEqual(target.failures, [])
    assert.equal(report.sent, 4_000)
    for (const status of [200, 207, 400, 401, 404, 415, 417]) {
      assert.ok((report.statuses.get(status) ?? 0) > 0, `no ${status}`)
    }
  } finally {
    await target.close()
  }
})

test('the same seed makes the same requests, another one others', () => {
  const made = (seed: number): string[] =>
    Array.from({ length: 50 }, (_, number) => JSON.stringify(fuzzCase(caseRandom(seed, number)).pieces.map(String)))
  assert.deepEqual(made(7), made(7))
  assert.notDeepEqual(made(7), made(8))
})

test('an answer that is not valid is found', () => {
  const good = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'
  assert.deepEqual(readAnswers(good + good), { statuses: [200, 200], closes: false, problem: undefined })
  for (const [wrong, problem] of [
    [good.replace('200 OK', '500 Oh'), /status 500/],
    [good.slice(0, -1), /shorter/],
    [good.replace('{}', 'ab'), /JSON/],
    [good.replace('content-length: 2', 'x: y'), /length/],
    [`${good}HTTP`, /head/],
    [good.replace('HTTP/1.1', 'HTTP/2'), /head/],
  ] as const) {
    assert.match(String(readAnswers(wrong).problem), problem)
  }
})
