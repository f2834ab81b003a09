import assert from 'node:assert/strict'
import { test } from 'node:test'

import { judgeRegionAnswer, regionOfRoot, type RegionVerdict } from '../../src/protocol/region-answer.ts'
import type { Region } from '../../src/protocol/regions.ts'

const US = '{"url":"https://track.customer.io","region":"us","environment_id":3}'
const EU = '{"url":"https://track-eu.customer.io","region":"eu","environment_id":3}'
const WRONG = '{"errors":[{"detail":"wrong datacenter","status":"301"}]}'

const table: readonly (readonly [string, number, string, Region | null, RegionVerdict])[] = [
  ['where it should be', 200, US, 'us', { kind: 'ok', region: 'us', environmentId: 3 }],
  ['in the EU as configured', 200, EU, 'eu', { kind: 'ok', region: 'eu', environmentId: 3 }],
  ['an EU account on the US host', 200, EU, 'us', { kind: 'region-mismatch', region: 'eu', environmentId: 3 }],
  ['a US account on the EU host', 200, US, 'eu', { kind: 'region-mismatch', region: 'us', environmentId: 3 }],
  ['behind a proxy nobody knows better', 200, EU, null, { kind: 'ok', region: 'eu', environmentId: 3 }],
  ['a word in capitals', 200, '{"region":"EU"}', 'eu', { kind: 'ok', region: 'eu' }],
  ['a workspace without a number', 200, '{"region":"us","environment_id":"3"}', 'us', { kind: 'ok', region: 'us' }],
  ['a region to come', 200, '{"region":"ap-2"}', 'us', { kind: 'region-mismatch', region: 'ap-2' }],
  [
    'only the url says it',
    200,
    '{"url":"https://track-eu.customer.io"}',
    'us',
    { kind: 'region-mismatch', region: 'eu' },
  ],
  ['a url that says nothing', 200, '{"url":"https://example.org"}', 'us', { kind: 'failed', reason: 'bad-answer' }],
  ['a url that is none', 200, '{"url":"eu"}', 'us', { kind: 'failed', reason: 'bad-answer' }],
  ['a region that is a text of anybody', 200, '{"region":"<b>x</b>"}', null, { kind: 'failed', reason: 'bad-answer' }],
  ['a region that is no text', 200, '{"region":7}', null, { kind: 'failed', reason: 'bad-answer' }],
  ['an empty answer', 200, '', 'us', { kind: 'failed', reason: 'bad-answer' }],
  ['null', 200, 'null', 'us', { kind: 'failed', reason: 'bad-answer' }],
  ['a list', 200, '[]', 'us', { kind: 'failed', reason: 'bad-answer' }],
  ['a web page with status 200', 200, '<html><title>Sign in</title>', 'us', { kind: 'failed', reason: 'bad-answer' }],
  ['a long answer', 200, `{"region":"us","x":"${'x'.repeat(10_000)}"}`, 'us', { kind: 'failed', reason: 'bad-answer' }],
  ['no content', 204, '', 'us', { kind: 'failed', reason: 'bad-answer' }],
  ['errors beside a 200', 200, '{"errors":[{"message":"no"}]}', 'us', { kind: 'failed', reason: 'status-200' }],
  ['a redirect that was not followed', 302, '', 'us', { kind: 'failed', reason: 'redirect' }],
  ['a redirect that says why', 301, WRONG, 'us', { kind: 'region-mismatch', region: null }],
  ['wrong credentials', 401, 'Unauthorized request', 'us', { kind: 'credentials' }],
  ['forbidden', 403, '{}', 'us', { kind: 'credentials' }],
  ['a proxy that wants credentials', 407, '', 'us', { kind: 'credentials' }],
  ['a wrong base url', 404, '<html>', 'us', { kind: 'failed', reason: 'status-404' }],
  ['a refusal', 400, '{"meta":{"error":"no"}}', 'us', { kind: 'failed', reason: 'status-400' }],
  ['too fast', 429, '{}', 'us', { kind: 'throttled', afterMs: 7_000 }],
  ['an error page', 502, '<html>', 'us', { kind: 'failed', reason: 'status-502' }],
]

for (const [name, status, body, expected, verdict] of table) {
  test(`the answer to the region question: ${name}`, () => {
    const retryAfter = status === 429 ? '7' : null
    assert.deepEqual(judgeRegionAnswer({ status, body, retryAfter, nowWallMs: 0 }, expected), verdict)
  })
}

test('only the hosts of Customer.io name a region', () => {
  const roots = [
    ['https://track.customer.io', 'us'],
    ['https://track-eu.customer.io', 'eu'],
    ['https://track-eu.customer.io/some/path', 'eu'],
    ['http://127.0.0.1:9', null],
    ['https://track-eu.customer.io.evil.org', null],
    ['nowhere', null],
  ] as const
  for (const [root, region] of roots) assert.equal(regionOfRoot(root), region, root)
})
