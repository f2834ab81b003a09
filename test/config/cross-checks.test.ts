import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isLoopback } from '../../src/config/index.ts'
import { lines, load, SHOP } from './given.ts'

test('addresses that only this machine can reach', () => {
  for (const host of ['localhost', '127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'])
    assert.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com', 'localhost.example.com', '1270.0.0.1']) {
    assert.ok(!isLoopback(host), host)
  }
})

test('other machines are let in only by an explicit word', () => {
  assert.deepEqual(lines({ yaml: `${SHOP}listen: { host: 0.0.0.0 }` }), [
    '5:17 listen.host: other machines could reach 0.0.0.0, and listen.allowRemote is false -> set listen.allowRemote to true if that is meant, and give listen.tls where the network is not trusted',
  ])
  assert.equal(load({ yaml: `${SHOP}listen: { host: 0.0.0.0, allowRemote: true }` }).config.listen.host, '0.0.0.0')
})

test('two listeners cannot have one port', () => {
  assert.deepEqual(lines({ yaml: `${SHOP}ops: { port: 8484 }\nadmin: { port: 8484 }` }), [
    '6:16 admin.port: the port 8484 is that of listen.port already',
    '5:14 ops.port: the port 8484 is that of listen.port already',
  ])
  assert.deepEqual(lines({ yaml: `${SHOP}ops: { port: 0 }\nadmin: { port: 0 }\nlisten: { port: 0 }` }), [])
  assert.deepEqual(lines({ yaml: `${SHOP}admin: { port: 8484, enabled: false }` }), [])
})

test('TLS needs its certificate and key, and client certificates their authority', () => {
  assert.deepEqual(lines({ yaml: `${SHOP}listen: { tls: { requireClientCert: true } }` }), [
    '- listen.tls.certFile: is missing',
    '- listen.tls.keyFile: is missing',
    '5:37 listen.tls.requireClientCert: without listen.tls.caFile no client certificate is trusted, so nobody could connect',
  ])
})

test('the default workspace exists', () => {
  assert.deepEqual(lines({ yaml: `${SHOP}defaultWorkspace: shpo` }), [
    '5:19 defaultWorkspace: there is no workspace shpo -> did you mean shop?',
  ])
})

test('inbound credentials are those of one workspace', () => {
  const same = `${SHOP}  eu: { siteId: site, apiKey: key }\n  third: { siteId: x, apiKey: y, inbound: [{ siteId: site, apiKey: key }] }\n`
  assert.deepEqual(lines({ yaml: same }), [
    '5:17 workspaces.eu: the same inbound credentials as workspaces.shop, so it is not clear whose a request is',
    '6:54 workspaces.third.inbound[0]: the same inbound credentials as workspaces.shop, so it is not clear whose a request is',
  ])
  const upstreamOnly = `${SHOP}  eu: { siteId: site, apiKey: key, inbound: [{ siteId: other, apiKey: key }] }\n`
  assert.deepEqual(lines({ yaml: upstreamOnly }), [])
})

test('what is wrong in itself is not blamed again for others', () => {
  assert.deepEqual(lines({ yaml: 'workspaces: 5\ndefaultWorkspace: shop\n' }), [
    '1:13 workspaces: found a number; it must be a mapping (key: value)',
  ])
  assert.deepEqual(lines({ yaml: `${SHOP}listen: { host: 0.0.0.0, allowRemote: 5 }` }).length, 1)
})
