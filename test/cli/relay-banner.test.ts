import assert from 'node:assert/strict'
import { test } from 'node:test'

import { relayBanner } from '../../src/cli/relay-banner.ts'
import { loadConfig } from '../../src/config/index.ts'

const { config } = loadConfig({
  env: { HOLDFAST_SITE_ID: 'site', HOLDFAST_API_KEY: 'the-secret-key' },
  flags: {},
  cwd: '/srv',
})

test('a person at a terminal reads where it is and how each SDK is pointed at it, and no key', () => {
  const text = relayBanner(
    { url: 'http://127.0.0.1:8484', adminUrl: 'http://127.0.0.1:8485', opsUrl: null, config },
    '1',
  )
  assert.match(text, /url: 'http:\/\/127\.0\.0\.1:8484\/api\/v1'/)
  assert.match(text, /WithURL\("http:\/\/127\.0\.0\.1:8484"\)/)
  assert.match(text, /Python {5}speaks https only/)
  assert.match(text, /\/srv\/holdfast-data/)
  assert.ok(!text.includes('the-secret-key'))
})

test('over TLS the Python line has host and port', () => {
  const text = relayBanner({ url: 'https://relay.test:8484', adminUrl: null, opsUrl: null, config }, '1')
  assert.match(text, /host='relay\.test', port=8484/)
  assert.ok(!text.includes('admin API'))
})

test('of an outbox on a server it says which kind, and not where', () => {
  const env = {
    HOLDFAST_SITE_ID: 'site',
    HOLDFAST_API_KEY: 'key',
    HOLDFAST_DEFAULTS_OUTBOX_KIND: 'postgres',
    HOLDFAST_DEFAULTS_OUTBOX_URL: 'postgres://me:the-password@db',
  }
  const shared = loadConfig({ env, flags: {}, cwd: '/srv' }).config
  const text = relayBanner({ url: 'http://127.0.0.1:8484', adminUrl: null, opsUrl: null, config: shared }, '1')
  assert.match(text, /stores in {4}Postgres\n/)
  assert.ok(!text.includes('the-password') && !text.includes('@db'))
})
