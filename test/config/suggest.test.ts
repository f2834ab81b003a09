import assert from 'node:assert/strict'
import { test } from 'node:test'

import { editDistance, nearest } from '../../src/config/suggest.ts'

test('the distance counts letters that are put in, left out, changed or swapped', () => {
  const table: readonly (readonly [string, string, number])[] = [
    ['', '', 0],
    ['port', 'port', 0],
    ['', 'port', 4],
    ['prt', 'port', 1],
    ['ports', 'port', 1],
    ['pork', 'port', 1],
    ['prot', 'port', 1],
    ['regoin', 'region', 1],
    ['listen', 'tinsel', 4],
    ['abc', 'xyz', 3],
  ]
  for (const [a, b, distance] of table) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`)
    assert.equal(editDistance(b, a), distance, `${b} ${a}`)
  }
})

test('the nearest name is offered if it is near', () => {
  const names = ['siteId', 'apiKey', 'region', 'baseUrl', 'lint']
  assert.equal(nearest('regoin', names), 'region')
  assert.equal(nearest('site_id', names), 'siteId')
  assert.equal(nearest('api-key', names), 'apiKey')
  assert.equal(nearest('APIKEY', names), 'apiKey')
  assert.equal(nearest('baseURI', names), 'baseUrl')
  assert.equal(nearest('hint', names), 'lint')
  assert.equal(nearest('password', names), null)
  for (const begun of ['rateLimit', 'rateLimt', 'rate-limit']) {
    assert.equal(nearest(begun, [...names, 'rateLimitPerSecond']), 'rateLimitPerSecond', begun)
  }
  assert.equal(nearest('rate', [...names, 'rateLimitPerSecond']), null)
  assert.equal(nearest('', names), null)
  assert.equal(nearest('x'.repeat(1_000_000), names), null)
})
