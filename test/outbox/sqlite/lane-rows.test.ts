import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openInlineSqliteOutbox } from '../../../src/outbox/sqlite/inline.ts'
import { LANE_ROWS_MAX } from '../../../src/outbox/sqlite/lane-rows.ts'
import { crowd } from '../../../src/testing/outbox-conformance/scene.ts'
import { createTestRuntime } from '../../../src/testing/test-runtime.ts'
import { temporaryFolder } from './scene.ts'

test('behind more rows than are looked through an idle lane may hold something, until who delivers has read them', async () => {
  const folder = temporaryFolder()
  const runtime = createTestRuntime()
  const open = openInlineSqliteOutbox({ path: `${folder.path}/outbox.db`, durability: 'os', reserveBytes: 0 })
  const context = { runtime, workspace: 'test', notice: () => {} }
  const [active, standby] = [await open(context), await open(context)]
  try {
    await active.append(crowd('c', LANE_ROWS_MAX))
    for (const outbox of [active, standby]) {
      assert.equal(await outbox.mayHold(['idle']), false)
      assert.equal(await outbox.mayHold([`lane c${LANE_ROWS_MAX - 1}`]), true)
    }
    await active.append(crowd('more', 1))
    for (const outbox of [active, standby]) {
      assert.equal(await outbox.mayHold(['idle']), true, 'it was not looked for in all rows')
      assert.equal(await outbox.mayHold(['lane c7']), true)
    }
    await active.claim({ entriesMax: 1, bytesMax: 1_000, leaseMs: 600_000 })
    await runtime.clock.advance(2_000)
    assert.equal(await active.mayHold(['idle']), false, 'all lanes are counted now')
    assert.equal(await active.mayHold(['lane more0']), true)
    assert.equal(await active.mayHold(['lane c0']), true, 'in flight')
  } finally {
    await active.close()
    await standby.close()
    folder.remove()
  }
})
