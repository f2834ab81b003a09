/** The documented limits, as Customer.io refuses what is over them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { setUp } from './asking.ts'

const NOW = 1_767_225_600
const IDENTIFY = 'PUT /api/v1/customers/42'
const TRACK = 'POST /api/v1/customers/42/events'

function many(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, index]))
}

interface Limit {
  readonly line: string
  readonly within: object
  readonly beyond: object
  /** What the whole answer is. */
  readonly text: string | RegExp
}

const limits: Readonly<Record<string, Limit>> = {
  'attributes of one identify': {
    line: IDENTIFY,
    within: many(300),
    beyond: many(301),
    text: '{"meta":{"error":"cannot identify more than 300 attributes in one request"}}\n',
  },
  'name of an attribute': {
    line: IDENTIFY,
    within: { ['x'.repeat(150)]: 1 },
    beyond: { ['ü'.repeat(76)]: 1 },
    text: '{"meta":{"error":"attribute name cannot be longer than 150 bytes"}}\n',
  },
  'value of an attribute': {
    line: IDENTIFY,
    within: { plan: 'x'.repeat(1_000) },
    beyond: { plan: 'x'.repeat(1_001) },
    text: `{"meta":{"error":"value for attribute 'plan' cannot be longer than 1000 bytes"}}\n`,
  },
  'name of an event': {
    line: TRACK,
    within: { name: 'x'.repeat(100) },
    beyond: { name: 'x'.repeat(101) },
    text: '{"meta":{"error":"event name cannot be longer than 100 bytes"}}\n',
  },
  'name of a page view': {
    line: TRACK,
    within: { type: 'page', name: 'x'.repeat(499) },
    beyond: { type: 'page', name: 'x'.repeat(500) },
    text: '{"meta":{"error":"event name must be less than 500 characters"}}\n',
  },
  'blank name': {
    line: TRACK,
    within: { name: ' x ' },
    beyond: { name: '  ' },
    text: '{"meta":{"error":"event name must not be blank"}}\n',
  },
  'data of an event': {
    line: TRACK,
    within: { name: 'x', data: { n: 'x'.repeat(99_992) } },
    beyond: { name: 'x', data: { n: 'x'.repeat(99_993) } },
    text: '{"meta":{"error":"event data cannot be longer than 100000 bytes"}}\n',
  },
  'id of an event': {
    line: TRACK,
    within: { name: 'x', id: '01BX5ZZKBKACTAV9WEVGEMMVRY' },
    beyond: { name: 'x', id: 'order-17' },
    text: /^\{"meta":\{"error":"id must be a ULID/,
  },
  'ids of one segment call': {
    line: 'POST /api/v1/segments/7/add_customers',
    within: { ids: Array.from({ length: 1_000 }, (_, index) => `${index}`) },
    beyond: { ids: Array.from({ length: 1_001 }, (_, index) => `${index}`) },
    text: /^\{"meta":\{"error":"ids holds 1001 ids, the limit is 1000 ids"\}\}\n$/,
  },
  'another id in the body than in the path': {
    line: IDENTIFY,
    within: { id: '42' },
    beyond: { id: '43' },
    text: '{"meta":{"error":"id attribute and identifier are not the same value"}}\n',
  },
  'several things wrong': {
    line: IDENTIFY,
    within: { a: 'x', b: 'y' },
    beyond: { a: 'x'.repeat(1_001), b: 'y'.repeat(1_001) },
    text:
      `{"meta":{"errors":["value for attribute 'a' cannot be longer than 1000 bytes",` +
      `"value for attribute 'b' cannot be longer than 1000 bytes"]}}\n`,
  },
  'value of an attribute on v2': {
    line: 'POST /api/v2/entity',
    within: { type: 'person', action: 'identify', identifiers: { id: '1' }, attributes: { plan: 'x'.repeat(1_000) } },
    beyond: { type: 'person', action: 'identify', identifiers: { id: '1' }, attributes: { plan: 'x'.repeat(1_001) } },
    text:
      '{"errors":[{"reason":"invalid","field":"attributes.plan",' +
      '"message":"property value cannot be longer than 1000 bytes"}]}\n',
  },
  'id of a person': {
    line: 'POST /api/v2/entity',
    within: { type: 'person', action: 'delete', identifiers: { id: 'x'.repeat(150) } },
    beyond: { type: 'person', action: 'delete', identifiers: { id: 'x'.repeat(151) } },
    text: /^\{"errors":\[\{"reason":"invalid","field":"identifiers\.id","message":"is too long/,
  },
}

for (const [name, { line, within, beyond, text }] of Object.entries(limits)) {
  test(`${name}: what is within the limit is taken, what is beyond it is refused in Customer.io’s words`, async () => {
    const { ask, simulator } = setUp()
    assert.equal((await ask(line, { body: within })).status, 200)
    const refused = await ask(line, { body: beyond })
    assert.equal(refused.status, 400)
    if (typeof text === 'string') assert.equal(refused.text, text)
    else assert.match(refused.text, text)
    assert.equal(simulator.ledger.all()[1]?.applied, false)
    const lenient = setUp({ strict: false })
    assert.equal((await lenient.ask(line, { body: beyond })).status, 200)
  })
}

test('what Customer.io lets pass is not refused: times in milliseconds, a merge of a person with themselves', async () => {
  const { ask, simulator } = setUp()
  assert.equal((await ask(TRACK, { body: { name: 'x', timestamp: NOW * 1_000 } })).status, 200)
  const merge = { primary: { id: '42' }, secondary: { id: '42' } }
  assert.equal((await ask('POST /api/v1/merge_customers', { body: merge })).status, 200)
  assert.equal(simulator.workspace.person('42')?.events[0]?.timestamp, NOW * 1_000)
  assert.equal(simulator.ledger.all()[1]?.ignored, 'same-person')
})

/** An item whose JSON has that many bytes. */
function item(bytes: number, id = '1'): object {
  const base = { type: 'person', action: 'event', identifiers: { id }, name: 'x', timestamp: NOW, id: ULID }
  const empty = Buffer.byteLength(JSON.stringify({ ...base, attributes: { n: '' } }))
  return { ...base, attributes: { n: 'x'.repeat(bytes - empty) } }
}
const ULID = '01BX5ZZKBKACTAV9WEVGEMMVRY'

test('an entity of 32,000 bytes is taken, one of 32,001 refused', async () => {
  for (const oversizedStatus of [400, 413] as const) {
    const { ask } = setUp({ oversizedStatus })
    assert.equal((await ask('POST /api/v2/entity', { body: item(32_000) })).status, 200)
    const refused = await ask('POST /api/v2/entity', { body: item(32_001) })
    assert.equal(refused.status, oversizedStatus)
    assert.match(refused.text, /^\{"errors":\[\{"reason":"invalid","field":"entity"/)
  }
})

test('a batch item of 32,001 bytes fails alone, or fails the batch where that is asked for', async () => {
  const batch = [item(200, 'a'), item(32_001, 'b')]
  const alone = setUp()
  const answer = await alone.ask('POST /api/v2/batch', { body: { batch } })
  assert.equal(answer.status, 207)
  assert.match(answer.text, /^\{"errors":\[\{"batch_index":1,"reason":"invalid","field":"operation"/)
  assert.equal(alone.simulator.ledger.count({ applied: true }), 1)
  const whole = setUp({ oversizedItem: 'batch' })
  assert.equal((await whole.ask('POST /api/v2/batch', { body: { batch } })).status, 400)
  assert.equal(whole.simulator.ledger.count({ applied: true }), 0)
})

test('a batch of 500,000 bytes is taken, one of 500,001 refused, in strict mode only', async () => {
  const overhead = Buffer.byteLength(JSON.stringify({ batch: [] }))
  const batchOf = (bytes: number): object => {
    // Twenty items and the commas between them.
    const size = Math.floor((bytes - overhead - 19) / 20)
    const items = Array.from({ length: 19 }, (_, index) => item(size, `${index + 10}`))
    return { batch: [...items, item(bytes - overhead - 19 - 19 * size, '99')] }
  }
  assert.equal(Buffer.byteLength(JSON.stringify(batchOf(500_000))), 500_000)
  for (const oversizedStatus of [400, 413] as const) {
    const { ask, simulator } = setUp({ oversizedStatus })
    assert.equal((await ask('POST /api/v2/batch', { body: batchOf(500_000) })).status, 200)
    assert.equal((await ask('POST /api/v2/batch', { body: batchOf(500_001) })).status, oversizedStatus)
    assert.equal(simulator.ledger.requests()[1]?.bytes, 500_001)
  }
  const lenient = setUp({ strict: false })
  assert.equal((await lenient.ask('POST /api/v2/batch', { body: batchOf(500_001) })).status, 200)
})
