/** What holds for every file that is taken: it has a schema, a client takes it, and it can be printed and read back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Ajv2020 } from 'ajv/dist/2020.js'
import * as fc from 'fast-check'

import { type ClientOptions, resolveOptions } from '../../src/client/options.ts'
import { configJsonSchema, printConfig, toClientOptions, writtenConfig } from '../../src/config/index.ts'
import { CALL_KINDS } from '../../src/config/relay-config.ts'
import { resolveBullmqOptions } from '../../src/outbox/bullmq/options.ts'
import { resolvePostgresOptions } from '../../src/outbox/postgres/options.ts'
import { resolveSqliteOptions } from '../../src/outbox/sqlite/options.ts'
import type { CallType } from '../../src/protocol/call.ts'
import { files } from './arbitrary.ts'
import { lines, load, SHOP } from './given.ts'
import { urlFor } from './outboxes-that-fit.ts'

const RUNS = { numRuns: 300, seed: 20_26 }

function schemaTakes(): (file: unknown) => boolean {
  return new Ajv2020({ strict: true, allErrors: false }).compile(configJsonSchema())
}

test('the schema takes what the loader takes', () => {
  const takes = schemaTakes()
  fc.assert(
    fc.property(files(), (file) => {
      const yaml = JSON.stringify(file)
      assert.deepEqual(lines({ yaml }), [])
      assert.ok(takes(JSON.parse(yaml)), yaml)
    }),
    RUNS,
  )
})

test('the schema refuses what an editor should underline', () => {
  const takes = schemaTakes()
  assert.equal(takes({}), true)
  assert.equal(takes({ listen: null, ops: null }), true)
  assert.equal(takes({ admin: { tokenFile: 'x' } }), true)
  for (const wrong of [
    { listn: {} },
    { listen: { port: 65_536 } },
    { shutdownTimeout: 25 },
    { shutdownTimeout: '25' },
    { log: { level: 'loud' } },
    { defaults: { apiKey: 'x' } },
    { workspaces: { Shop: {} } },
    { workspaces: { shop: { regoin: 'eu' } } },
    { workspaces: { shop: { maxAge: { evnt: '3d' } } } },
  ]) {
    assert.equal(takes(wrong), false, JSON.stringify(wrong))
  }
})

test('every setting of the schema is described, and the optional ones have their default', () => {
  const bare: string[] = []
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return
    const { properties, anyOf } = node as { properties?: Record<string, { description?: string }>; anyOf?: unknown[] }
    for (const [name, value] of Object.entries(properties ?? {})) {
      if (value.description === undefined) bare.push(`${path}.${name}`)
      visit(value, `${path}.${name}`)
    }
    for (const value of anyOf ?? []) visit(value, path)
  }
  visit(configJsonSchema(), '')
  assert.deepEqual(bare, [])
  const text = JSON.stringify(configJsonSchema())
  for (const part of ['"default":"25s"', '"default":8484', '"default":null', '"examples":["500ms"'])
    assert.ok(text.includes(part), part)
})

test('a configuration that is taken never fails in the client or its outbox', () => {
  fc.assert(
    fc.property(files(), (file) => {
      const { config } = load({ yaml: JSON.stringify(file) })
      for (const [name, workspace] of Object.entries(config.workspaces)) {
        const { client, outbox } = toClientOptions(workspace, config.dataDir, name)
        const options: ClientOptions = client
        resolveOptions(options)
        if (outbox.kind === 'sqlite') resolveSqliteOptions(outbox.options)
        else if (outbox.kind === 'postgres') resolvePostgresOptions(outbox.options)
        else resolveBullmqOptions(outbox.options)
      }
    }),
    RUNS,
  )
})

test('a workspace without settings has the defaults of the client', () => {
  const { config } = load({ yaml: SHOP })
  const { client, outbox } = toClientOptions(config.workspaces['shop']!, config.dataDir, 'shop')
  const { maxAgeMs, runtime, ...settings } = resolveOptions(client)
  const { maxAgeMs: maxAgeAlone, runtime: runtimeAlone, ...alone } = resolveOptions({ siteId: 'site', apiKey: 'key' })
  assert.equal(runtime, runtimeAlone)
  assert.equal(maxAgeMs('event'), maxAgeAlone('event'))
  // The client alone does not know the region it was not told; the relay's configuration always says one.
  assert.deepEqual(settings, alone)
  assert.ok(outbox.kind === 'sqlite')
  const { path } = outbox.options
  assert.equal(path, '/srv/holdfast-data/shop.db')
  assert.deepEqual(resolveSqliteOptions(outbox.options), resolveSqliteOptions({ path }))
})

test('the kinds of call are those of the protocol', () => {
  const all: Readonly<Record<CallType, true>> = Object.fromEntries(CALL_KINDS.map((kind) => [kind, true])) as Record<
    (typeof CALL_KINDS)[number],
    true
  >
  const others: readonly CallType[] = CALL_KINDS
  assert.equal(others.length, Object.keys(all).length)
})

test('what is printed is read back as the same, but for the secrets', () => {
  fc.assert(
    fc.property(files(), (file) => {
      const { config, origins } = load({ yaml: JSON.stringify(file) })
      const unique = Object.keys(config.workspaces).length === 1
      const written = writtenConfig(config)
      for (const yaml of [printConfig(config), printConfig(config, origins), JSON.stringify(written)]) {
        assert.ok(!yaml.includes('a-key-to-be-masked'))
        const whole = withUrls(yaml)
        const told = lines({ yaml: whole }).filter((line) => unique || !line.includes('inbound credentials'))
        assert.deepEqual(told, [])
        const again = load({ yaml: whole }).config
        assert.deepEqual(writtenConfig(again), written)
      }
    }),
    RUNS,
  )
})

/** The URL of a server has a form, so a masked one is refused until the secret is put in. */
function withUrls(printed: string): string {
  let count = 0
  const masked = /\b(bullmq|postgres)("?[^\n*]*?\n?[^\n*]*?url"?: ?)"\*{8}"/g
  return printed.replaceAll(masked, (_, kind: 'bullmq' | 'postgres', between: string) => {
    return `${kind}${between}${JSON.stringify(urlFor(kind, count++))}`
  })
}

test('with origins, each line says where its value comes from', () => {
  const env = { HOLDFAST_LOG_LEVEL: 'warn', HOLDFAST_API_KEY_FILE: '/run/key', HOLDFAST_SITE_ID: 'a' }
  const { config, origins } = load({ yaml: 'dataDir: /d', env, flags: { listenPort: '1' }, files: { '/run/key': 'k' } })
  const printed = printConfig(config, origins).split('\n')
  for (const line of [
    '  port: 1  # --listen-port',
    '  level: warn  # HOLDFAST_LOG_LEVEL',
    'dataDir: /d  # /etc/holdfast/relay.yaml:1:10',
    'shutdownTimeout: 25s  # default',
    '    apiKey: "********"  # the file /run/key',
    '    inbound:  # the credentials of workspaces.default',
  ]) {
    assert.ok(printed.includes(line), `${line}\n${printed.join('\n')}`)
  }
})
