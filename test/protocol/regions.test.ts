import assert from 'node:assert/strict'
import { test } from 'node:test'

import { redirectTarget } from '../../src/protocol/redirect.ts'
import { trackHost } from '../../src/protocol/regions.ts'

test('each region has its host, and a redirect may lead from one to the other', () => {
  assert.equal(trackHost('us'), 'https://track.customer.io')
  assert.equal(trackHost('eu'), 'https://track-eu.customer.io')
  const target = redirectTarget({ status: 301, location: `${trackHost('eu')}/api/v2/batch` }, new URL(trackHost('us')))
  assert.ok(target.follow)
})
