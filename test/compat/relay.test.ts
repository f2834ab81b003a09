/** The recorded requests of other languages' clients, at the relay. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createOperation } from '../../src/protocol/operation.ts'
import { createWorld, gotOf, workspace } from '../relay/world.ts'
import { API_KEY, RECORDED } from './recorded-requests.ts'

for (const { client, what, method, target, headers, body, status, stored } of RECORDED) {
  test(`${client}: ${what}`, async () => {
    const { relay, soon } = createWorld({ workspaces: [workspace('shop', { apiKey: API_KEY })] })
    const shop = relay.workspaces.get('shop')!
    shop.pause()
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const request = new Request(`http://relay.test${target}`, { method, headers: { ...length, ...headers }, body })
    const got = await gotOf(await soon(relay.fetch(request, { connection: {}, target })))
    assert.equal(got.status, status, got.text)
    if (status === 200) assert.equal(got.text, '{}')
    assert.match(got.headers.get('content-type') ?? '', /^application\/json/)
    const { operations } = await soon(shop.queue.list())
    assert.deepEqual(
      operations.map(({ call }) => call),
      stored.map((call, index) => {
        const { id, acceptedAtMs } = operations[index]!
        return createOperation(call, { id, acceptedAtMs }).call
      }),
    )
    if (status === 200) assert.equal(got.headers.get('x-holdfast-id'), operations[0]?.id)
    await soon(relay.close())
  })
}
