/** The page and the example say what the settings are. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { page, withSettings } from '../../scripts/configuration-docs.ts'
import { load, lines } from './given.ts'

test('docs/configuration.md has every setting as it is', () => {
  const text = readFileSync(page, 'utf8')
  const wanted = withSettings(text)
  const differing = wanted.split('\n').filter((line, index) => text.split('\n')[index] !== line)
  assert.equal(text, wanted, `write it anew with "npm run docs:configuration"; it differs first at:\n${differing[0]}`)
})

test('the page is told from one that lacks a setting', () => {
  const text = readFileSync(page, 'utf8')
  assert.notEqual(
    withSettings(text.replace('| `dataDir` |', '| `datadir` |')),
    text.replace('| `dataDir` |', '| `datadir` |'),
  )
  assert.throws(() => withSettings('no marks'), /the page must hold/)
})

test('the example is a configuration', () => {
  const yaml = readFileSync(fileURLToPath(new URL('../../deploy/holdfast.example.yaml', import.meta.url)), 'utf8')
  const files = {
    '/etc/holdfast/secrets/shop-api-key': 'a\n',
    '/etc/holdfast/secrets/shop-eu-api-key': 'b\n',
    '/etc/holdfast/secrets/checkout-api-key': 'c\n',
  }
  const { config } = load({ yaml, files })
  assert.deepEqual(Object.keys(config.workspaces), ['shop', 'shop-eu'])
  assert.deepEqual(config.workspaces['shop-eu']?.inbound, [{ siteId: 'checkout', apiKey: 'c' }])
  assert.deepEqual(config.workspaces['shop-eu']?.maxAge, { event: 259_200_000 })
  // What stands there as a comment is right too.
  const whole = yaml.replaceAll(/^( +)# (allowRemote|tls|  certFile|  keyFile)/gm, '$1$2')
  assert.notEqual(whole, yaml)
  assert.deepEqual(lines({ yaml: whole, files }), [])
  assert.equal(load({ yaml: whole, files }).config.listen.tls?.certFile, '/etc/holdfast/tls/tls.crt')
})
