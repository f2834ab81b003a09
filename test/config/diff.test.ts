import assert from 'node:assert/strict'
import { test } from 'node:test'

import { diffConfig, settingRows } from '../../src/config/index.ts'
import { KINDS_OF } from '../../src/config/outbox-kinds.ts'
import { load, SHOP } from './given.ts'
import { urlFor } from './outboxes-that-fit.ts'

/** What a reload applies, of the relay itself. */
const RELOADED = [
  'listen.tls.certFile',
  'listen.tls.keyFile',
  'listen.tls.caFile',
  'shutdownTimeout',
  'readinessDelay',
  'log.level',
]

/** What only a restart applies, of a workspace: where its operations are. */
const RESTARTED = [
  'kind',
  'prefix',
  'schema',
  'spill.enabled',
  'spill.path',
  'spill.onOutage',
  'spill.deliverAfter',
  'spill.maxBytes',
]
const OF_SHOP = 'workspaces.<name>.outbox.'

/** Around a setting that one kind of outbox alone takes. */
function outboxOf(path: string): Readonly<Record<string, string>> {
  const key = path.startsWith(OF_SHOP) ? path.slice(OF_SHOP.length) : ''
  const kind = KINDS_OF[key]?.[0]
  if (kind === undefined) return {}
  const deliver = key === 'spill.deliverAfter' ? { HOLDFAST_WORKSPACES_SHOP_OUTBOX_SPILL_ON_OUTAGE: 'deliver' } : {}
  return {
    HOLDFAST_WORKSPACES_SHOP_OUTBOX_KIND: kind,
    HOLDFAST_WORKSPACES_SHOP_OUTBOX_URL: urlFor(kind as 'bullmq', 1),
    ...deliver,
  }
}

const OTHER: Readonly<Record<string, string>> = {
  text: 'shop',
  secret: 'other',
  path: '/other',
  host: '::1',
  url: 'https://other.example',
  duration: '7s',
  ages: '7s',
  size: '77KiB',
  whole: '7',
  number: '7.5',
}

test('every setting is applied by a reload or by a restart, and by one of the two', () => {
  const tls = {
    HOLDFAST_LISTEN_TLS_CERT_FILE: '/c',
    HOLDFAST_LISTEN_TLS_KEY_FILE: '/k',
    HOLDFAST_LISTEN_TLS_CA_FILE: '/a',
  }
  let changed = 0
  for (const { scope, path, env, kind, default: initial, setting, secretFile } of settingRows) {
    if (env === null || secretFile || (scope !== 'relay' && scope !== 'workspace')) continue
    // The test below has it: another kind has another URL.
    if (path === `${OF_SHOP}kind`) continue
    const before = { yaml: SHOP, env: { ...tls, HOLDFAST_OPS_HOST: '127.0.0.1', ...outboxOf(path) } }
    const { config: old } = load(before)
    const value =
      path === `${OF_SHOP}url`
        ? urlFor('bullmq', 2)
        : path === `${OF_SHOP}durability`
          ? 'os'
          : kind === 'boolean'
            ? String(initial !== true)
            : (OTHER[kind] ?? setting.choices.find((word) => word !== initial))
    const { config } = load({ ...before, env: { ...before.env, [env.replace('<NAME>', 'SHOP')]: value } })
    const { reload, restart } = diffConfig(old, config)
    const name = path.replace('<name>', 'shop')
    const isReloaded =
      scope === 'workspace' ? !RESTARTED.some((key) => path === OF_SHOP + key) : RELOADED.includes(path)
    // Credentials of the workspace are also what applications show.
    const all = /\.(?:siteId|apiKey)$/.test(path) ? [name, 'workspaces.shop.inbound'] : [name]
    assert.deepEqual(
      { reload, restart },
      isReloaded ? { reload: all, restart: [] } : { reload: [], restart: all },
      path,
    )
    changed++
  }
  assert.equal(
    changed,
    settingRows.filter(
      ({ scope, env, secretFile }) => env !== null && !secretFile && ['relay', 'workspace'].includes(scope),
    ).length - 1,
  )
})

test('another kind of outbox needs a restart', () => {
  const { config: file } = load({ yaml: SHOP })
  const { config: server } = load({ yaml: `${SHOP}    outbox: { kind: postgres, url: 'postgres://a' }\n` })
  assert.deepEqual(diffConfig(file, server).restart, ['workspaces.shop.outbox.kind'])
})

test('workspaces come and go by a reload', () => {
  const { config: one } = load({ yaml: SHOP })
  const { config: two } = load({ yaml: `${SHOP}  eu: { siteId: a, apiKey: b }\n` })
  assert.deepEqual(diffConfig(one, two), { reload: ['workspaces.eu'], restart: [] })
  assert.deepEqual(diffConfig(two, one), { reload: ['workspaces.eu'], restart: [] })
  assert.deepEqual(diffConfig(two, two), { reload: [], restart: [] })
})

test('inbound credentials are one change', () => {
  const { config: own } = load({ yaml: SHOP })
  const { config: other } = load({ yaml: `${SHOP}    inbound: [{ siteId: a, apiKey: b }]\n` })
  assert.deepEqual(diffConfig(own, other), { reload: ['workspaces.shop.inbound'], restart: [] })
})

test('a listener that comes, and TLS on one that had none, need a restart', () => {
  const { config: plain } = load({ yaml: SHOP })
  const { config: more } = load({ yaml: `${SHOP}ops: { port: 0 }\nlisten: { tls: { certFile: a, keyFile: b } }\n` })
  assert.deepEqual(diffConfig(plain, more), { reload: [], restart: ['listen.tls', 'ops'] })
})

test('ages in another order are the same', () => {
  const { config: a } = load({ yaml: `${SHOP}    maxAge: { event: 3d, form: 1d }\n` })
  const { config: b } = load({ yaml: `${SHOP}    maxAge: { form: 1d, event: 72h }\n` })
  assert.deepEqual(diffConfig(a, b), { reload: [], restart: [] })
})
