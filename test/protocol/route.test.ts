import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { fitsPath, needsAuth, requestLine, type Route, routeOf } from '../../src/protocol/route.ts'

const AWKWARD = [
  'a/b',
  'a+b',
  'a b',
  '100%',
  '%2e%2e',
  'a?b',
  'a#b',
  '😀',
  'a@b.example',
  'a/..',
  '../a',
  '...',
  'ä&=;,',
  'x'.repeat(151),
  '\u0000',
]

const ROUTES: readonly (readonly [method: string, path: string, route: Route])[] = [
  ['GET', '/api/v1/accounts/region', { name: 'region' }],
  ['PUT', '/api/v1/customers/42', { name: 'identify', identifier: '42' }],
  ['DELETE', '/api/v1/customers/42', { name: 'delete', identifier: '42' }],
  ['PUT', '/api/v1/customers/42/devices', { name: 'add_device', identifier: '42' }],
  ['DELETE', '/api/v1/customers/42/devices/tok', { name: 'delete_device', identifier: '42', token: 'tok' }],
  ['POST', '/api/v1/customers/42/suppress', { name: 'suppress', identifier: '42' }],
  ['POST', '/api/v1/customers/42/unsuppress', { name: 'unsuppress', identifier: '42' }],
  ['POST', '/api/v1/customers/42/events', { name: 'track', identifier: '42' }],
  ['POST', '/api/v1/events', { name: 'track_anonymous' }],
  ['POST', '/api/v1/merge_customers', { name: 'merge' }],
  ['POST', '/api/v1/segments/7/add_customers', { name: 'segment', action: 'add', segmentId: '7' }],
  [
    'POST',
    '/api/v1/segments/7/remove_customers?id_type=cio_id',
    { name: 'segment', action: 'remove', segmentId: '7', idType: 'cio_id' },
  ],
  ['POST', '/api/v1/metrics', { name: 'metric' }],
  ['POST', '/api/v1/push/events', { name: 'push' }],
  ['POST', '/api/v1/forms/f1/submit', { name: 'form', formId: 'f1' }],
  ['POST', '/unsubscribe/d1', { name: 'unsubscribe', deliveryId: 'd1' }],
  ['POST', '/api/v2/entity', { name: 'entity' }],
  ['POST', '/api/v2/batch', { name: 'batch' }],
]

test('every documented request line is its route, and every route its request line', () => {
  for (const [method, path, route] of ROUTES) {
    assert.deepEqual(routeOf(method, path), route, path)
    assert.deepEqual(requestLine(route), { method, path })
  }
})

test('push metrics are taken at the root too, where the Ruby SDK sends them', () => {
  assert.deepEqual(routeOf('POST', '/push/events'), { name: 'push' })
})

test('a fragment and a query that the route does not know are not part of it', () => {
  assert.deepEqual(routeOf('PUT', '/api/v1/customers/42?x=1#y'), { name: 'identify', identifier: '42' })
  assert.deepEqual(routeOf('PUT', '/api/v1/customers/42#/events'), { name: 'identify', identifier: '42' })
})

test('what is no route is 404', () => {
  for (const path of [
    '',
    '/',
    'api/v1/events',
    '/api/v1',
    '/api/v1/',
    '/api/v3/entity',
    '/api/v1/customers',
    '/api/v1/customers/',
    '/api/v1/customers//events',
    '/api/v1//events',
    '//api/v1/events',
    '/api/v1/events/',
    '/api/v1/customers/42/',
    '/api/v1/customers/42/orders',
    '/api/v1/customers/42/events/1',
    '/api/v1/customers/42/devices/tok/1',
    '/api/v1/customers/42/devices/tok/1/2/3/4',
    '/api/v1/customers/100%',
    '/api/v1/customers/%zz',
    '/api/v1/customers/%e4',
    '/api/v1/customers/%ed%a0%80',
    '/api/v1/segments/7',
    '/api/v1/segments/7/drop_customers',
    '/api/v1/forms/f1',
    '/api/v1/accounts/other',
    '/api/v1/push',
    '/api/v2/entity/1',
    '/unsubscribe',
    '/unsubscribe/a/b',
    '/auth',
    `/api/v1/customers/${'x'.repeat(20_000)}`,
  ]) {
    assert.deepEqual(routeOf('POST', path), { name: 'unknown', status: 404 }, path.slice(0, 80))
  }
})

test('a known path with another method is 405', () => {
  for (const [method, path] of ROUTES) {
    for (const other of ['PATCH', 'post', 'constructor', '']) {
      assert.deepEqual(routeOf(other, path), { name: 'unknown', status: 405 }, `${other} instead of ${method} ${path}`)
    }
  }
  assert.deepEqual(routeOf('GET', '/api/v2/batch'), { name: 'unknown', status: 405 })
})

test('credentials are sent with all routes but the three that name a delivery instead', () => {
  const open = ROUTES.filter(([, , route]) => !needsAuth(route)).map(([, , route]) => route.name)
  assert.deepEqual(open, ['metric', 'push', 'unsubscribe'])
})

function routesWith(text: string): readonly Route[] {
  return [
    { name: 'identify', identifier: text },
    { name: 'track', identifier: text },
    { name: 'delete_device', identifier: text, token: text },
    { name: 'segment', action: 'add', segmentId: text, idType: text },
    { name: 'form', formId: text },
    { name: 'unsubscribe', deliveryId: text },
  ]
}

/** As the path arrives after a client has built a URL from it. */
function throughUrl(path: string): string {
  const url = new URL(`http://127.0.0.1:1${path}`)
  return url.pathname + url.search
}

test('awkward identifiers survive the path and a URL parser', () => {
  for (const route of AWKWARD.flatMap(routesWith)) {
    const { method, path } = requestLine(route)
    assert.deepEqual(routeOf(method, path), route)
    assert.deepEqual(routeOf(method, throughUrl(path)), route)
  }
})

test('a dot segment does not survive a URL parser, however it is escaped, so it never fits a path', () => {
  assert.equal(throughUrl('/api/v1/customers/%2e%2e/events'), '/api/v1/events')
  assert.equal(throughUrl('/api/v1/customers/%2E/events'), '/api/v1/customers/events')
  for (const text of ['', '.', '..']) {
    assert.ok(!fitsPath(text))
    assert.throws(() => requestLine({ name: 'identify', identifier: text }), /broken invariant/)
  }
})

test('any text that fits a path survives the path and a URL parser', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }).filter(fitsPath), (text) => {
      for (const route of routesWith(text)) {
        const { method, path } = requestLine(route)
        assert.deepEqual(routeOf(method, path), route)
        assert.deepEqual(routeOf(method, throughUrl(path)), route)
      }
    }),
    { seed: 1 },
  )
})

test('no method and no path make routeOf throw', () => {
  const piece = fc.oneof(
    fc.constantFrom('/', '%', '?', '#', '..', 'api', 'v1', 'customers', 'segments', 'unsubscribe', '/api/v1/'),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  )
  const path = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(fc.string(), path, (method, path) => {
      const route = routeOf(method, path)
      assert.equal(typeof route.name, 'string')
    }),
    { seed: 2, numRuns: 2_000 },
  )
})
