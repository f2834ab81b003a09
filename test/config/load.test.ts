import assert from 'node:assert/strict'
import { test } from 'node:test'

import { loadConfig } from '../../src/config/load.ts'

test('two variables are enough to run a relay', () => {
  const env = { HOLDFAST_SITE_ID: 'site', HOLDFAST_API_KEY: 'key' }
  const { config, origins, file, warnings } = loadConfig({ env, flags: {}, cwd: '/srv' })
  assert.equal(file, null)
  assert.deepEqual(warnings, [])
  assert.deepEqual(Object.keys(config.workspaces), ['default'])
  assert.equal(config.workspaces['default']?.region, 'us')
  assert.deepEqual(config.workspaces['default']?.inbound, [{ siteId: 'site', apiKey: 'key' }])
  assert.equal(config.dataDir, '/srv/holdfast-data')
  assert.deepEqual(origins['workspaces.default.apiKey'], { source: 'env', where: 'HOLDFAST_API_KEY' })
  assert.deepEqual(origins['listen.port'], { source: 'default', where: 'default' })
})
