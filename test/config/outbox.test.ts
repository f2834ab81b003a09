/** The outbox of a workspace: each kind with what it takes, and what does not go together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isSamePlace, printConfig, toClientOptions } from '../../src/config/index.ts'
import { type GivenSources, lines, load, SHOP } from './given.ts'

/** `outbox` of the workspace `shop`. */
function shop(outbox: string, more = ''): GivenSources {
  return { yaml: `${SHOP}    outbox: { ${outbox} }\n${more}` }
}

function optionsOf(sources: GivenSources, name = 'shop'): unknown {
  const { config } = load(sources)
  return toClientOptions(config.workspaces[name]!, config.dataDir, name).outbox
}

const BOUNDS = { maxBytes: 2_147_483_648, maxOperations: 10_000_000 }

test('each kind becomes the options of its outbox, which has the defaults of what was not said', () => {
  assert.deepEqual(optionsOf({ yaml: SHOP }), {
    kind: 'sqlite',
    options: { path: '/srv/holdfast-data/shop.db', durability: 'power', ...BOUNDS },
  })
  assert.deepEqual(optionsOf(shop(`kind: postgres, url: 'postgres://me:pw@db/app'`)), {
    kind: 'postgres',
    options: { connectionString: 'postgres://me:pw@db/app', ...BOUNDS },
  })
  assert.deepEqual(
    optionsOf(
      shop(`kind: postgres, url: 'postgresql://db', schema: cio, listen: true, timeout: 3s, requireDurability: true`),
    ),
    {
      kind: 'postgres',
      options: {
        connectionString: 'postgresql://db',
        schema: 'cio',
        listen: true,
        statementTimeoutMs: 3_000,
        requireDurability: true,
        ...BOUNDS,
      },
    },
  )
  assert.deepEqual(optionsOf(shop(`kind: bullmq, url: 'redis://r'`)), {
    kind: 'bullmq',
    options: { connection: 'redis://r', spill: { path: '/srv/holdfast-data/shop.spill', ...BOUNDS }, ...BOUNDS },
  })
  assert.deepEqual(
    optionsOf(
      shop(
        `kind: bullmq, url: 'rediss://r', prefix: cio, timeout: 300ms, spill: { path: /s, maxBytes: 1MB, onOutage: deliver, deliverAfter: 30s }`,
      ),
    ),
    {
      kind: 'bullmq',
      options: {
        connection: 'rediss://r',
        prefix: 'cio',
        commandTimeoutMs: 300,
        onOutage: 'deliver',
        deliverAfterMs: 30_000,
        spill: { path: '/s', maxBytes: 1_000_000, maxOperations: BOUNDS.maxOperations },
        ...BOUNDS,
      },
    },
  )
  assert.deepEqual(optionsOf(shop(`kind: bullmq, url: 'redis://r', spill: { enabled: false }`)), {
    kind: 'bullmq',
    options: { connection: 'redis://r', spill: false, ...BOUNDS },
  })
})

test('a server needs its URL, a file has none', () => {
  assert.deepEqual(lines(shop('kind: bullmq')), [
    '5:21 workspaces.shop.outbox.url: is missing: an outbox of the kind bullmq is on a server -> give outbox.urlFile, or set HOLDFAST_WORKSPACES_SHOP_OUTBOX_URL or HOLDFAST_WORKSPACES_SHOP_OUTBOX_URL_FILE',
  ])
  assert.deepEqual(lines(shop(`url: 'redis://secret'`)), [
    '5:20 workspaces.shop.outbox.url: holds for outbox.kind bullmq and postgres alone, and workspaces.shop.outbox.kind is sqlite',
  ])
})

test('the scheme of the URL is that of the kind, and no problem shows the URL', () => {
  const told = lines(shop(`kind: bullmq, url: 'postgres://me:s3cret@db'`))
  assert.deepEqual(told, [
    '5:34 workspaces.shop.outbox.url: must be a URL that begins with redis:// or rediss:// for the kind bullmq -> this is the URL of a server for the kind postgres',
  ])
  assert.deepEqual(lines(shop(`kind: postgres, url: 's3cret'`)), [
    '5:36 workspaces.shop.outbox.url: must be a URL that begins with postgres:// or postgresql:// for the kind postgres',
  ])
})

test('the URL is a secret: read from a file, masked when printed', () => {
  const sources = { ...shop('kind: postgres, urlFile: /run/url'), files: { '/run/url': 'postgres://me:s3cret@db\n' } }
  assert.deepEqual(optionsOf(sources), {
    kind: 'postgres',
    options: { connectionString: 'postgres://me:s3cret@db', ...BOUNDS },
  })
  const { config, origins } = load(sources)
  assert.ok(!printConfig(config, origins).includes('s3cret'))
  assert.ok(printConfig(config, origins).includes('url: "********"  # the file /run/url'))
  const env = { HOLDFAST_DEFAULTS_OUTBOX_KIND: 'bullmq', HOLDFAST_DEFAULTS_OUTBOX_URL_FILE: '/run/url' }
  assert.equal(
    load({ yaml: SHOP, env, files: { '/run/url': 'redis://r' } }).config.workspaces['shop']?.outbox.url,
    'redis://r',
  )
})

test('keys of another kind are refused by name', () => {
  const [first, ...others] = [
    ['sqlite', 'schema: a', 'schema', 'postgres'],
    ['sqlite', 'requireDurability: true', 'requireDurability', 'bullmq and postgres'],
    ['sqlite', 'spill: { enabled: false }', 'spill.enabled', 'bullmq'],
    [`bullmq, url: 'redis://r'`, 'listen: true', 'listen', 'postgres'],
    [`postgres, url: 'postgres://r'`, 'prefix: a', 'prefix', 'bullmq'],
    [`postgres, url: 'postgres://r'`, 'spill: { path: /s }', 'spill.path', 'bullmq'],
  ] as const
  for (const [kind, setting, key, whose] of [first, ...others]) {
    const told = lines(shop(`kind: ${kind}, ${setting}`))
    assert.equal(told.length, 1, told.join('\n'))
    const name = /^\w+/.exec(kind)![0]
    assert.ok(
      told[0]!.endsWith(
        ` workspaces.shop.outbox.${key}: holds for outbox.kind ${whose} alone, and workspaces.shop.outbox.kind is ${name}`,
      ),
      told[0],
    )
  }
  assert.match(
    lines(shop(`kind: postgres, url: 'postgres://r', durability: os`))[0]!,
    /durability: os holds for outbox.kind sqlite alone/,
  )
  assert.match(
    lines(shop(`kind: bullmq, url: 'redis://r', spill: { deliverAfter: 5s }`))[0]!,
    /spill.deliverAfter: holds for outbox.spill.onOutage deliver alone/,
  )
})

test('defaults may hold what some of the workspaces take, and not what none takes', () => {
  const two = `${SHOP}    outbox: { kind: sqlite }\n  blog: { siteId: a, apiKey: b }\n`
  const mixed = { yaml: `${two}defaults: { outbox: { kind: bullmq, url: 'redis://r', prefix: cio } }\n` }
  assert.deepEqual(lines(mixed), [])
  assert.equal((optionsOf(mixed, 'blog') as { readonly options: { readonly prefix?: string } }).options.prefix, 'cio')
  const { outbox } = load(mixed).config.workspaces['shop']!
  assert.deepEqual([outbox.kind, outbox.url, outbox.prefix], ['sqlite', null, null])
  assert.deepEqual(lines({ yaml: `${two}defaults: { outbox: { schema: cio } }\n` }), [
    '7:31 defaults.outbox.schema: holds for outbox.kind postgres alone, and no workspace is of such a kind',
  ])
})

test('no two workspaces have one store, whatever the credentials in their URLs', () => {
  const blog = (outbox: string): string => `  blog: { siteId: a, apiKey: b, outbox: { ${outbox} } }\n`
  const first = `kind: postgres, url: 'postgres://me:x@db/app'`
  assert.match(
    lines(shop(first, blog(`kind: postgres, url: 'postgres://you:y@db/app', schema: holdfast`)))[0]!,
    /workspaces.blog.outbox.schema: the same store as that of workspaces.shop; each workspace needs one of its own -> give each another schema$/,
  )
  assert.deepEqual(lines(shop(first, blog(`kind: postgres, url: 'postgres://me:x@db/app', schema: blog`))), [])
  const redis = `kind: bullmq, url: 'redis://r'`
  assert.deepEqual(lines(shop(redis, blog(redis))), [], 'each site has keys of its own')
  const same = `  blog: { siteId: site, apiKey: b, outbox: { ${redis} }, inbound: [{ siteId: c, apiKey: d }] }\n`
  assert.match(lines(shop(redis, same))[0]!, /workspaces.blog.outbox.prefix: the same store/)
  const spill = 'spill: { path: /s }'
  assert.match(
    lines(shop(`kind: bullmq, url: 'redis://a', ${spill}`, blog(`kind: bullmq, url: 'redis://b', ${spill}`)))[0]!,
    /workspaces.blog.outbox.spill.path: the same file as that of workspaces.shop/,
  )
})

test('a changed password is the same place, another server or another file to spill into is another one', () => {
  const of = (outbox: string): Parameters<typeof isSamePlace>[0] => load(shop(outbox)).config.workspaces['shop']!.outbox
  const one = of(`kind: bullmq, url: 'redis://:a@r:6379/1'`)
  assert.equal(isSamePlace(one, of(`kind: bullmq, url: 'redis://:b@r:6379/1', prefix: holdfast, timeout: 1s`)), true)
  for (const other of [
    `'redis://:a@s:6379/1'`,
    `'redis://:a@r:6379/2'`,
    `'redis://:a@r:6379/1', prefix: x`,
    `'redis://:a@r:6379/1', spill: { path: /s }`,
  ]) {
    assert.equal(isSamePlace(one, of(`kind: bullmq, url: ${other}`)), false, other)
  }
  assert.equal(isSamePlace(one, of('kind: sqlite')), false)
})
