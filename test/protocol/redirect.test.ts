import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { redirectTarget } from '../../src/protocol/redirect.ts'

const US = new URL('https://track.customer.io/api/v1/customers/42')
const LOCAL = new URL('http://127.0.0.1:8080/api/v1/customers/42')

const FOLLOWED: readonly (readonly [from: URL, location: string, to: string])[] = [
  [US, 'https://track-eu.customer.io/api/v1/customers/42', 'https://track-eu.customer.io/api/v1/customers/42'],
  [US, 'https://track-eu.customer.io:443/x', 'https://track-eu.customer.io/x'],
  [US, 'https://TRACK-EU.Customer.IO/x', 'https://track-eu.customer.io/x'],
  [US, '//track-eu.customer.io/x', 'https://track-eu.customer.io/x'],
  [US, '/api/v2/batch?a=1', 'https://track.customer.io/api/v2/batch?a=1'],
  [US, '43', 'https://track.customer.io/api/v1/customers/43'],
  [LOCAL, '/relay/api/v1/customers/42', 'http://127.0.0.1:8080/relay/api/v1/customers/42'],
  [LOCAL, 'http://127.0.0.1:8080/x', 'http://127.0.0.1:8080/x'],
  [new URL('http://track.customer.io/x'), 'https://track.customer.io/x', 'https://track.customer.io/x'],
  [new URL('https://relay.example/x'), '/y', 'https://relay.example/y'],
]

test('a redirect inside Customer.io, or inside the origin that was asked, is followed', () => {
  for (const [from, location, to] of FOLLOWED) {
    for (const status of [301, 307, 308]) {
      const target = redirectTarget({ status, location }, from)
      assert.ok(target.follow, location)
      assert.equal(target.url.href, to)
    }
  }
})

const REFUSED: readonly (readonly [from: URL, location: string | null, reason: string])[] = [
  [US, null, 'no-location'],
  [US, '', 'no-location'],
  [US, 'https://', 'bad-location'],
  [US, 'https://[', 'bad-location'],
  [US, 'javascript:alert(1)', 'bad-location'],
  [US, 'data:text/plain,x', 'bad-location'],
  [US, 'file:///etc/passwd', 'bad-location'],
  [US, `/${'x'.repeat(10_000)}`, 'bad-location'],
  [US, 'http://track-eu.customer.io/x', 'not-https'],
  [US, 'http://track.customer.io/x', 'not-https'],
  [US, 'https://user@track-eu.customer.io/x', 'userinfo'],
  [US, 'https://:pass@track.customer.io/x', 'userinfo'],
  [US, 'https://evilcustomer.io/x', 'foreign-host'],
  [US, 'https://track.customer.io.evil.example/x', 'foreign-host'],
  [US, 'https://track-customer.io/x', 'foreign-host'],
  [US, 'https://customer.io/x', 'foreign-host'],
  [US, 'https://track.customer.io./x', 'foreign-host'],
  [US, 'https://.customer.io/x', 'foreign-host'],
  [US, 'https://evil.example/.customer.io', 'foreign-host'],
  [US, 'https://evil.example#.customer.io', 'foreign-host'],
  [US, 'https://evil.example\\.customer.io', 'foreign-host'],
  [US, 'https://track-eu.customer.io:8443/x', 'foreign-host'],
  [US, 'https://127.0.0.1/x', 'foreign-host'],
  // The keys of a relay are not Customer.io's.
  [LOCAL, 'https://track.customer.io/x', 'foreign-host'],
  [LOCAL, 'http://127.0.0.1:8081/x', 'foreign-host'],
  [LOCAL, 'http://localhost:8080/x', 'foreign-host'],
  [LOCAL, 'https://127.0.0.1:8080/x', 'foreign-host'],
  [new URL('https://relay.example/x'), 'http://relay.example/x', 'foreign-host'],
]

test('any other redirect is refused, and the reason says why', () => {
  for (const [from, location, reason] of REFUSED) {
    assert.deepEqual(redirectTarget({ status: 307, location }, from), { follow: false, reason }, String(location))
  }
})

test('an answer that is no redirect, or one that may change the method, is not followed', () => {
  for (const status of [200, 300, 302, 303, 304, 305, 400, 500]) {
    assert.deepEqual(redirectTarget({ status, location: '/x' }, US), { follow: false, reason: 'status' })
  }
})

test('no location makes it throw or leads out of Customer.io', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'https://',
      'http://',
      '//',
      '@',
      ':',
      '.',
      '/',
      '\\',
      '#',
      '?',
      '.customer.io',
      'evil.example',
      '%',
    ),
    fc.string({ unit: 'binary', maxLength: 5 }),
  )
  const location = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(location, (location) => {
      const target = redirectTarget({ status: 301, location }, US)
      if (!target.follow) return
      assert.equal(target.url.protocol, 'https:')
      assert.match(target.url.hostname, /^(?:[^.]+\.)+customer\.io$/)
      assert.equal(target.url.username + target.url.password + target.url.port, '')
    }),
    { seed: 11, numRuns: 3_000 },
  )
})
