/**
 * Requests as the official clients of other languages put them on the wire: request line, headers, body. From their
 * sources (customerio-python 3, customerio-ruby 6, go-customerio 3, cdp-analytics-python) and what `requests`, `net/http`
 * and Go's `net/http` add. Site id `site`, API key `k?>y`, so that the two alphabets of base 64 differ.
 */
import { gzipSync } from 'node:zlib'

import type { Call } from '../../src/protocol/call.ts'

export interface RecordedRequest {
  readonly client: 'python' | 'ruby' | 'go' | 'cdp-python'
  readonly what: string
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
  readonly status: number
  /** The calls that are stored, before they are stamped. */
  readonly stored: readonly Call[]
}

export const API_KEY = 'k?>y'

const BASIC = `Basic ${Buffer.from(`site:${API_KEY}`).toString('base64')}`
const URL_SAFE = `Basic ${Buffer.from(`site:${API_KEY}`).toString('base64url')}`

const PYTHON: Readonly<Record<string, string>> = {
  'user-agent': 'Customer.io Python Client/3.0.0',
  'accept-encoding': 'gzip, deflate',
  accept: '*/*',
  connection: 'keep-alive',
  'content-type': 'application/json',
  authorization: BASIC,
}
const RUBY: Readonly<Record<string, string>> = {
  'user-agent': 'Customer.io Ruby Client/6.0.0',
  'accept-encoding': 'gzip;q=1.0,deflate;q=0.6,identity;q=0.3',
  accept: '*/*',
  connection: 'close',
  authorization: BASIC,
}
const RUBY_JSON: Readonly<Record<string, string>> = { ...RUBY, 'content-type': 'application/json' }
const GO: Readonly<Record<string, string>> = {
  'user-agent': 'Customer.io Go Client/3.0.0',
  'accept-encoding': 'gzip',
  'content-type': 'application/json',
  authorization: URL_SAFE,
}

const path = (value: string) => ({ by: 'path', value }) as const

export const RECORDED: readonly RecordedRequest[] = [
  {
    client: 'python',
    what: 'identify: the separators of json.dumps, text as escapes',
    method: 'PUT',
    target: '/api/v1/customers/j%C3%B6rg%2B1%40example.com',
    headers: PYTHON,
    body: '{"name": "J\\u00f6rg \\ud83d\\ude00", "created_at": 1767225600, "score": 1.0, "left": null}',
    status: 200,
    stored: [
      {
        dialect: 'v1',
        type: 'identify',
        person: path('jörg+1@example.com'),
        attributes: { name: 'Jörg 😀', created_at: 1767225600, score: 1, left: null },
      },
    ],
  },
  {
    client: 'python',
    what: 'identify: a NaN is no JSON and is refused, as Customer.io would',
    method: 'PUT',
    target: '/api/v1/customers/1',
    headers: PYTHON,
    body: '{"score": NaN}',
    status: 400,
    stored: [],
  },
  {
    client: 'python',
    what: 'track',
    method: 'POST',
    target: '/api/v1/customers/42/events',
    headers: PYTHON,
    body: '{"name": "order", "data": {"total": 12.5}}',
    status: 200,
    stored: [
      { dialect: 'v1', type: 'event', eventType: 'event', person: path('42'), name: 'order', data: { total: 12.5 } },
    ],
  },
  {
    client: 'python',
    what: 'backfill, with a timestamp',
    method: 'POST',
    target: '/api/v1/customers/42/events',
    headers: PYTHON,
    body: '{"name": "order", "data": {}, "timestamp": 1365436200}',
    status: 200,
    stored: [
      {
        dialect: 'v1',
        type: 'event',
        eventType: 'event',
        person: path('42'),
        name: 'order',
        data: {},
        timestamp: 1365436200,
      },
    ],
  },
  {
    client: 'python',
    what: 'pageview',
    method: 'POST',
    target: '/api/v1/customers/42/events',
    headers: PYTHON,
    body: '{"type": "page", "name": "https://example.com/a?b=c", "data": {"referer": "x"}}',
    status: 200,
    stored: [
      {
        dialect: 'v1',
        type: 'event',
        eventType: 'page',
        person: path('42'),
        name: 'https://example.com/a?b=c',
        data: { referer: 'x' },
      },
    ],
  },
  {
    client: 'python',
    what: 'delete, with an empty object as its body',
    method: 'DELETE',
    target: '/api/v1/customers/42',
    headers: PYTHON,
    body: '{}',
    status: 200,
    stored: [{ dialect: 'v1', type: 'delete', person: path('42') }],
  },
  {
    client: 'python',
    what: 'delete_device, with an escaped token',
    method: 'DELETE',
    target: '/api/v1/customers/42/devices/a%2Fb%3Ac',
    headers: PYTHON,
    body: '{}',
    status: 200,
    stored: [{ dialect: 'v1', type: 'delete_device', person: path('42'), token: 'a/b:c' }],
  },
  {
    client: 'python',
    what: 'batch',
    method: 'POST',
    target: '/api/v2/batch',
    headers: PYTHON,
    body: '{"batch": [{"type": "person", "identifiers": {"id": "1"}, "action": "event", "name": "a"}, {"type": "person", "identifiers": {"email": "x@example.com"}, "action": "delete"}]}',
    status: 200,
    stored: [
      { dialect: 'v2', type: 'event', eventType: 'event', person: { by: 'id', value: '1' }, name: 'a', data: {} },
      { dialect: 'v2', type: 'delete', person: { by: 'email', value: 'x@example.com' } },
    ],
  },
  {
    client: 'ruby',
    what: 'identify, with the id among the attributes',
    method: 'PUT',
    target: '/api/v1/customers/5',
    headers: RUBY_JSON,
    body: '{"id":"5","email":"bob@example.com","plan":"premium"}',
    status: 200,
    stored: [
      {
        dialect: 'v1',
        type: 'identify',
        person: path('5'),
        attributes: { id: '5', email: 'bob@example.com', plan: 'premium' },
      },
    ],
  },
  {
    client: 'ruby',
    what: 'suppress: a POST without a body and without a content type',
    method: 'POST',
    target: '/api/v1/customers/a%20b/suppress',
    headers: { ...RUBY, 'content-length': '0' },
    body: null,
    status: 200,
    stored: [{ dialect: 'v1', type: 'suppress', person: path('a b') }],
  },
  {
    client: 'ruby',
    what: 'anonymous event: without an anonymous_id it is an invite',
    method: 'POST',
    target: '/api/v1/events',
    headers: RUBY_JSON,
    body: '{"name":"help_enquiry","data":{"recipient":"user@example.com"}}',
    status: 200,
    stored: [
      {
        dialect: 'v1',
        type: 'event',
        eventType: 'event',
        name: 'help_enquiry',
        data: { recipient: 'user@example.com' },
      },
    ],
  },
  {
    client: 'ruby',
    what: 'push metric, at the root',
    method: 'POST',
    target: '/push/events',
    headers: RUBY_JSON,
    body: '{"event":"opened","delivery_id":"d1","timestamp":1561235678,"device_id":"t1"}',
    status: 200,
    stored: [
      { dialect: 'v1', type: 'push', deliveryId: 'd1', event: 'opened', deviceToken: 't1', timestamp: 1561235678 },
    ],
  },
  {
    client: 'ruby',
    what: 'with json: false it sends forms, which are refused by their name',
    method: 'PUT',
    target: '/api/v1/customers/5',
    headers: { ...RUBY, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'id=5&plan=premium',
    status: 415,
    stored: [],
  },
  {
    client: 'go',
    what: 'identify: PathEscape leaves @ and +, json.Marshal escapes <, > and &',
    method: 'PUT',
    target: '/api/v1/customers/a+b@example.com',
    headers: GO,
    body: '{"company":"A\\u0026B","created_at":1767225600,"n":1e+21}',
    status: 200,
    stored: [
      {
        dialect: 'v1',
        type: 'identify',
        person: path('a+b@example.com'),
        attributes: { company: 'A&B', created_at: 1767225600, n: 1e21 },
      },
    ],
  },
  {
    client: 'go',
    what: 'track: an int64 that is no double is refused by its field, not changed',
    method: 'POST',
    target: '/api/v1/customers/42/events',
    headers: GO,
    body: '{"data":{"account":9223372036854775807},"name":"order"}',
    status: 400,
    stored: [],
  },
  {
    client: 'go',
    what: 'delete: an empty body that is called JSON',
    method: 'DELETE',
    target: '/api/v1/customers/42',
    headers: { ...GO, 'content-length': '0' },
    body: null,
    status: 200,
    stored: [{ dialect: 'v1', type: 'delete', person: path('42') }],
  },
  {
    client: 'go',
    what: 'add device',
    method: 'PUT',
    target: '/api/v1/customers/42/devices',
    headers: GO,
    body: '{"device":{"id":"t1","last_used":1767225600,"platform":"android"}}',
    status: 200,
    stored: [
      {
        dialect: 'v1',
        type: 'add_device',
        person: path('42'),
        token: 't1',
        platform: 'android',
        lastUsed: 1767225600,
      },
    ],
  },
  {
    client: 'go',
    what: 'merge',
    method: 'POST',
    target: '/api/v1/merge_customers',
    headers: GO,
    body: '{"primary":{"email":"cool.person@company.com"},"secondary":{"cio_id":"C123"}}',
    status: 200,
    stored: [
      {
        dialect: 'v1',
        type: 'merge',
        primary: { by: 'email', value: 'cool.person@company.com' },
        secondary: { by: 'cio_id', value: 'C123' },
      },
    ],
  },
  {
    client: 'cdp-python',
    what: 'a packed batch of Pipelines, which is not Track: the path is unknown here',
    method: 'POST',
    target: '/v1/batch',
    headers: {
      'user-agent': 'analytics-python/2.2.2',
      'accept-encoding': 'gzip, deflate',
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      authorization: `Basic ${Buffer.from('write-key:').toString('base64')}`,
    },
    body: gzipSync('{"batch": [{"type": "track", "userId": "42", "event": "order", "messageId": "m"}]}'),
    status: 404,
    stored: [],
  },
  {
    client: 'cdp-python',
    what: 'the same packing for a Track request',
    method: 'POST',
    target: '/api/v1/customers/42/events',
    headers: { ...PYTHON, 'content-encoding': 'gzip' },
    body: gzipSync('{"name": "order", "data": {"total": 12}}'),
    status: 200,
    stored: [
      { dialect: 'v1', type: 'event', eventType: 'event', person: path('42'), name: 'order', data: { total: 12 } },
    ],
  },
]
