import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import type { Problem } from '../../src/errors.ts'
import { type Answer, classify, type Outcome } from '../../src/protocol/outcome.ts'

const HTML = '<html><head><title>502 Bad\n Gateway</title></head><body>nginx</body></html>'

function answer(status: number, body = '', retryAfter: string | null = null): Answer {
  return { status, body, retryAfter, nowWallMs: Date.UTC(2026, 0, 1) }
}

/** The outcome of an answer to a request with one entry. */
function outcome(...args: Parameters<typeof answer>): Outcome {
  const outcomes = classify(answer(...args), 1)
  assert.equal(outcomes.length, 1)
  return outcomes[0]!
}

const problem = (message: string, field = 'request', reason = 'refused'): Problem => ({ field, reason, message })

const TABLE: readonly (readonly [what: string, answer: Answer, outcome: Outcome])[] = [
  ['200 {}', answer(200, '{}\n'), { kind: 'delivered' }],
  ['200 with nothing', answer(200), { kind: 'delivered' }],
  ['200 with text', answer(200, 'OK'), { kind: 'delivered' }],
  ['200 with half a body', answer(200, '{"er'), { kind: 'delivered' }],
  ['200 with no errors', answer(200, '{"errors":[]}'), { kind: 'delivered' }],
  ['202', answer(202, '{}'), { kind: 'delivered' }],
  ['204', answer(204), { kind: 'delivered' }],
  ['200 with a web page', answer(200, ` ${HTML}`), { kind: 'retry', reason: 'bad-answer' }],
  ['207 with a web page', answer(207, HTML), { kind: 'retry', reason: 'bad-answer' }],
  ['429', answer(429), { kind: 'throttled' }],
  ['429 with seconds', answer(429, '', '7'), { kind: 'throttled', afterMs: 7_000 }],
  ['429 with a date', answer(429, '', 'Thu, 01 Jan 2026 00:00:09 GMT'), { kind: 'throttled', afterMs: 9_000 }],
  ['429 with garbage', answer(429, '', 'soon'), { kind: 'throttled' }],
  ['408', answer(408), { kind: 'retry', reason: 'status-408' }],
  ['425', answer(425), { kind: 'retry', reason: 'status-425' }],
  ['500', answer(500, '{"meta":{"error":"x"}}'), { kind: 'retry', reason: 'status-500' }],
  ['502 with a web page', answer(502, HTML), { kind: 'retry', reason: 'status-502' }],
  ['503 with seconds', answer(503, '', '30'), { kind: 'retry', reason: 'status-503', afterMs: 30_000 }],
  ['503 with too many', answer(503, '', '86400'), { kind: 'retry', reason: 'status-503', afterMs: 300_000 }],
  ['599', answer(599), { kind: 'retry', reason: 'status-599' }],
  ['401 with text', answer(401, 'Unauthorized request'), { kind: 'unauthorized', status: 401 }],
  ['403', answer(403, '{"meta":{"error":"no"}}'), { kind: 'unauthorized', status: 403 }],
  ['407 of a proxy', answer(407, HTML), { kind: 'unauthorized', status: 407 }],
  [
    '301 to the other data centre',
    answer(301, '{"errors":[{"detail":"wrong datacenter","status":"301"}]}'),
    { kind: 'unauthorized', status: 301 },
  ],
  ['400 for the wrong data centre', answer(400, 'Wrong data centre'), { kind: 'unauthorized', status: 400 }],
  ['301', answer(301), { kind: 'retry', reason: 'redirect' }],
  ['302 of a portal', answer(302, HTML), { kind: 'retry', reason: 'redirect' }],
  ['304', answer(304), { kind: 'retry', reason: 'redirect' }],
  ['400 with nothing', answer(400), { kind: 'refused', status: 400 }],
  ['413', answer(413, 'too large'), { kind: 'refused', status: 413, problem: problem('too large') }],
  ['422', answer(422, '{}'), { kind: 'refused', status: 422 }],
  ['404', answer(404, '{"message":"no route"}'), { kind: 'rejected', status: 404, problem: problem('no route') }],
  ['409', answer(409), { kind: 'rejected', status: 409 }],
  ['499', answer(499, 'null'), { kind: 'rejected', status: 499 }],
  ['101', answer(101), { kind: 'retry', reason: 'bad-answer' }],
  ['0', answer(0), { kind: 'retry', reason: 'bad-answer' }],
  ['600', answer(600, 'x'), { kind: 'retry', reason: 'bad-answer' }],
  ['no number', answer(Number.NaN), { kind: 'retry', reason: 'bad-answer' }],
]

for (const [what, given, expected] of TABLE) {
  test(`${what} is ${expected.kind}, for each entry alike`, () => {
    assert.deepEqual(classify(given, 1), [expected])
    // Only what splits differs with the number of entries.
    assert.deepEqual(classify(given, 3), [expected, expected, expected])
  })
}

const BODIES: readonly (readonly [what: string, body: string, problem: Problem | undefined])[] = [
  ['one error of v1', '{"meta":{"error":"name cannot be blank"}}', problem('name cannot be blank')],
  ['errors of v1', '{"meta":{"errors":["a is wrong","b is wrong"]}}', problem('a is wrong; b is wrong')],
  [
    'errors of v2',
    '{"errors":[{"reason":"invalid","field":"attributes.plan","message":"too long"},{"reason":"required"}]}',
    problem('too long', 'attributes.plan', 'invalid'),
  ],
  [
    'an error without a message',
    '{"errors":[{"reason":"required","field":"name"}]}',
    problem('required', 'name', 'required'),
  ],
  ['errors that are empty', '{"errors":[{},{"reason":"required"}]}', problem('required', 'request', 'required')],
  [
    'errors of the App API',
    '{"errors":[{"detail":"is missing","status":"422","source":{"pointer":"/data/name"}}]}',
    problem('is missing', '/data/name'),
  ],
  ['errors as texts', '{"errors":["a","b"]}', problem('a; b')],
  ['an error at the root', '{"error":"no"}', problem('no')],
  ['a list at the root', '["no"]', problem('no')],
  ['a text', '"no"', problem('no')],
  ['plain text', 'Request body\r\n\ttoo large\u0000', problem('Request body too large')],
  ['a web page with a title', HTML, problem('a web page: 502 Bad Gateway')],
  ['a web page without one', '<!doctype html><p>no', problem('a web page')],
  ['half JSON', '{"meta":{"err', problem('{"meta":{"err')],
  ['errors of another kind', '{"meta":{"errors":5,"error":{"a":1}},"errors":{"message":"deep"}}', problem('deep')],
  ['nothing', '', undefined],
  ['spaces', ' \n ', undefined],
  ['null', 'null', undefined],
  ['a number', '5', undefined],
  ['an empty list', '[]', undefined],
  ['members of a prototype', '{"__proto__":{"message":"x"}}', undefined],
]

for (const [what, body, expected] of BODIES) {
  test(`the problem is read from ${what}`, () => {
    const found = outcome(400, body)
    assert.ok(found.kind === 'refused')
    assert.deepEqual(found.problem, expected)
  })
}

test('what a problem says stays short, on one line and well-formed', () => {
  const long = '😀'.repeat(5_000)
  const found = outcome(400, JSON.stringify({ errors: [{ message: `a\ud800${long}`, field: long, reason: long }] }))
  assert.ok(found.kind === 'refused' && found.problem)
  const { message, field, reason } = found.problem
  assert.deepEqual([message.length <= 500, field.length <= 200, reason.length <= 100], [true, true, true])
  for (const text of [message, field, reason]) assert.ok(!/\p{Cs}/u.test(text) && text.endsWith('…'))
})

const item = (index: unknown, field: string): object => ({
  batch_index: index,
  reason: 'invalid',
  field,
  message: 'no',
})
const rejected = (status: number, field: string): Outcome => ({
  kind: 'rejected',
  status,
  problem: problem('no', field, 'invalid'),
})

test('207 rejects the entries that it names and delivers the others; so does 200 with errors', () => {
  const body = JSON.stringify({ errors: [item(2, 'a'), item(0, 'b'), item(2, 'c')] })
  for (const status of [207, 200]) {
    assert.deepEqual(classify(answer(status, body), 4), [
      rejected(status, 'b'),
      { kind: 'delivered' },
      rejected(status, 'a'),
      { kind: 'delivered' },
    ])
  }
})

test('errors that cannot be laid at one entry of several have the whole request split', () => {
  for (const index of [undefined, null, '1', 1.5, -1, 3, Number.MAX_VALUE]) {
    const body = JSON.stringify({ errors: [item(1, 'a'), item(index, 'b')] })
    const expected: Outcome = { kind: 'refused', status: 207, problem: problem('no', 'b', 'invalid') }
    assert.deepEqual(classify(answer(207, body), 3), [expected, expected, expected], String(index))
  }
  for (const body of ['{}', '', '{"errors":[]}', '{"errors":{}}', '{"errors":[{"batch_ind', 'null']) {
    const expected: Outcome = { kind: 'refused', status: 207 }
    assert.deepEqual(classify(answer(207, body), 2), [expected, expected], body)
  }
})

test('the errors of a request with one entry are its own, whatever they name', () => {
  assert.deepEqual(classify(answer(207, JSON.stringify({ errors: [item(7, 'a')] })), 1), [rejected(207, 'a')])
  assert.deepEqual(classify(answer(200, '{"errors":["no"]}'), 1), [
    { kind: 'rejected', status: 200, problem: problem('no') },
  ])
})

test('any status and any body give one outcome for each entry, and nothing throws', () => {
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom(HTML, '{"errors":[{"batch_index":1}]}', '{"meta":null,"errors":[null,5,{"message":{}}]}'),
    fc
      .array(
        fc.record({ batch_index: fc.oneof(fc.integer({ min: -2, max: 6 }), fc.jsonValue()), message: fc.jsonValue() }),
      )
      .map((errors) => JSON.stringify({ errors })),
  )
  const status = fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom(200, 207, 400), fc.double())
  fc.assert(
    fc.property(status, body, fc.option(fc.string()), fc.nat(5), (status, body, retryAfter, entries) => {
      const outcomes = classify(answer(status, body, retryAfter), entries)
      assert.equal(outcomes.length, entries)
      for (const { kind, ...rest } of outcomes) {
        assert.equal(typeof kind, 'string')
        if ('problem' in rest) assert.ok(rest.problem.message.length <= 500 && rest.problem.message !== '')
      }
    }),
    { seed: 14, numRuns: 2_000 },
  )
})
