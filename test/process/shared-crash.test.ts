/**
 * Two processes deliver from one store, are killed and frozen past their leases, and the server of the store is killed: what
 * `npm run bench:outbox -- crash` does at length.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isClean } from '../../bench/outbox/crash/account.ts'
import { runWorld, type WorldOptions } from '../../bench/outbox/crash/world.ts'
import { STORES } from '../../bench/outbox/stores.ts'

const world: Omit<WorldOptions, 'store' | 'seed' | 'kills' | 'freezes' | 'serverKills'> = {
  operations: 1_500,
  people: 150,
  leaseMs: 3_000,
  attemptMs: 1_000,
}

for (const store of STORES) {
  test(`${store}: nothing is lost or overtaken when processes that deliver are killed and frozen`, async () => {
    const { account, requests } = await runWorld({ ...world, store, seed: 1, kills: 3, freezes: 1, serverKills: 0 })
    assert.ok(isClean(account), JSON.stringify(account))
    assert.ok(requests > 0)
    assert.ok(account.dead > 0, 'Customer.io refuses some')
  })

  test(`${store}: nothing is lost or overtaken when the server is killed`, async () => {
    const { account } = await runWorld({ ...world, store, seed: 2, kills: 0, freezes: 0, serverKills: 2 })
    assert.ok(isClean(account), JSON.stringify(account))
  })
}
