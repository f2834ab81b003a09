/** The environment, flags and secrets' files, and which of them wins. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { readSmallFile } from '../../src/config/files.ts'
import { loadConfig, settingRows } from '../../src/config/index.ts'
import { envName, workspaceEnvName } from '../../src/config/rows.ts'
import { lines, load, SHOP } from './given.ts'

const ONE = { HOLDFAST_SITE_ID: 'site', HOLDFAST_API_KEY: 'key' }

test('two variables are enough to run a relay', () => {
  const { config, origins, file, warnings } = load({ env: ONE })
  assert.equal(file, null)
  assert.deepEqual(warnings, [])
  assert.deepEqual(Object.keys(config.workspaces), ['default'])
  assert.equal(config.workspaces['default']?.region, 'us')
  assert.deepEqual(config.workspaces['default']?.inbound, [{ siteId: 'site', apiKey: 'key' }])
  assert.equal(config.dataDir, '/srv/holdfast-data')
  assert.deepEqual(origins['workspaces.default.apiKey'], { source: 'env', where: 'HOLDFAST_API_KEY' })
  assert.deepEqual(origins['listen.port'], { source: 'default', where: 'default' })
})

test('nothing is too little, and half is told what is missing', () => {
  assert.deepEqual(lines({}), [
    '- workspaces: there must be at least one -> set HOLDFAST_SITE_ID and HOLDFAST_API_KEY, or write workspaces into a configuration file',
  ])
  assert.deepEqual(lines({ env: { HOLDFAST_SITE_ID: 'site' } }), [
    'HOLDFAST_SITE_ID workspaces.default.apiKey: is missing -> write it into the file, or set HOLDFAST_API_KEY or HOLDFAST_API_KEY_FILE',
  ])
})

test('a flag wins over the environment, the environment over the file, the file over the default', () => {
  const yaml = `${SHOP}listen: { port: 1 }\nlog: { level: warn }\nshutdownTimeout: 1s\n`
  const env = { HOLDFAST_LISTEN_PORT: '2', HOLDFAST_LOG_LEVEL: 'error' }
  const { config, origins } = load({ yaml, env, flags: { listenPort: '3' } })
  assert.equal(config.listen.port, 3)
  assert.equal(config.log.level, 'error')
  assert.equal(config.shutdownTimeoutMs, 1_000)
  assert.equal(config.readinessDelayMs, 0)
  assert.deepEqual(origins['listen.port'], { source: 'flag', where: '--listen-port' })
  assert.deepEqual(origins['log.level'], { source: 'env', where: 'HOLDFAST_LOG_LEVEL' })
  assert.deepEqual(origins['shutdownTimeout'], { source: 'file', where: '/etc/holdfast/relay.yaml:7:18' })
})

test('CIO_REGION is the weakest source of a region', () => {
  const region = (yaml: string, env: Record<string, string>): string | undefined =>
    load({ yaml, env }).config.workspaces['shop']?.region
  assert.equal(region(SHOP, { CIO_REGION: 'eu' }), 'eu')
  assert.equal(region(`defaults: { region: us }\n${SHOP}`, { CIO_REGION: 'eu' }), 'us')
  assert.equal(region(`${SHOP}    region: us\n`, { CIO_REGION: 'eu' }), 'us')
  assert.equal(region(SHOP, { CIO_REGION: 'us', HOLDFAST_REGION: 'eu' }), 'eu')
  assert.equal(region(SHOP, { CIO_REGION: '' }), 'us')
  assert.deepEqual(lines({ yaml: SHOP, env: { CIO_REGION: 'Frankfurt' } }), ['CIO_REGION region: must be us or eu'])
})

test('a workspace is named in the environment, with underscores for its hyphens', () => {
  const env = {
    HOLDFAST_WORKSPACES_MY_SHOP_SITE_ID: 'a',
    HOLDFAST_WORKSPACES_MY_SHOP_API_KEY: 'b',
    HOLDFAST_WORKSPACES_MY_SHOP_OUTBOX_MAX_BYTES: '1GiB',
    HOLDFAST_WORKSPACES_SHOP_TIMEOUTS_CALL: '5s',
  }
  const { config } = load({ yaml: SHOP, env })
  assert.deepEqual(Object.keys(config.workspaces), ['shop', 'my-shop'])
  assert.equal(config.workspaces['my-shop']?.outbox.maxBytes, 1_073_741_824)
  assert.equal(config.workspaces['shop']?.timeouts.callMs, 5_000)
  assert.equal(workspaceEnvName('my-shop', 'apiKey'), 'HOLDFAST_WORKSPACES_MY_SHOP_API_KEY')
  assert.equal(envName('limits.bodyBytesMax'), 'HOLDFAST_LIMITS_BODY_BYTES_MAX')
})

test('no two settings share a name in the environment or a flag, and the end of a name tells the setting', () => {
  const envs = settingRows.flatMap(({ env }) => (env === null ? [] : [env]))
  const flags = settingRows.flatMap(({ flag }) => (flag === null ? [] : [flag]))
  assert.equal(new Set(envs).size, envs.length)
  assert.equal(new Set(flags).size, flags.length)
  const endings = envs.filter((env) => env.includes('<NAME>')).map((env) => env.replace(/^.*<NAME>/, ''))
  for (const ending of endings) {
    assert.deepEqual(
      endings.filter((other) => other !== ending && other.endsWith(ending)),
      [],
      ending,
    )
  }
})

test('every name of the table is read, in the environment and as a flag', () => {
  for (const { env, attribute, secretFile, kind, setting } of settingRows) {
    const value = secretFile ? '/key' : (VALUES[kind] ?? setting.choices[0] ?? '')
    const files = { '/key': 'from-file' }
    const needed = { HOLDFAST_WORKSPACES_SHOP_SITE_ID: 'a', HOLDFAST_WORKSPACES_SHOP_API_KEY: 'b' }
    const tls = {
      HOLDFAST_LISTEN_TLS_CERT_FILE: 'c',
      HOLDFAST_LISTEN_TLS_KEY_FILE: 'k',
      HOLDFAST_LISTEN_TLS_CA_FILE: 'a',
    }
    const known = [`${env} `, `--${attribute}`]
    if (env !== null) {
      const name = env.replace('<NAME>', 'OTHER')
      const told = lines({ env: { ...needed, ...tls, [name]: value }, files })
      assert.ok(
        !told.some((line) => line.includes('not known') || line.includes('found')),
        `${known[0]} ${told.join('; ')}`,
      )
    }
    if (attribute !== null) {
      const told = lines({ env: { ...needed, ...tls }, flags: { [attribute]: value }, files })
      assert.ok(!told.some((line) => line.includes('found')), `${known[1]} ${told.join('; ')}`)
    }
  }
})

const VALUES: Readonly<Record<string, string>> = {
  text: 'shop',
  secret: 'key',
  path: 'somewhere',
  host: 'localhost',
  url: 'https://proxy.example',
  duration: '7s',
  ages: '7s',
  size: '64KiB',
  whole: '9',
  number: '1.5',
  boolean: 'false',
}

test('a name that is not known is an error with a suggestion', () => {
  const table: readonly (readonly [string, string | null])[] = [
    ['HOLDFAST_LISTEN_PROT', 'did you mean HOLDFAST_LISTEN_PORT?'],
    ['HOLDFAST_LOGLEVEL', 'did you mean HOLDFAST_LOG_LEVEL?'],
    ['HOLDFAST_PORT', 'did you mean HOLDFAST_LISTEN_PORT or HOLDFAST_OPS_PORT or HOLDFAST_ADMIN_PORT?'],
    ['HOLDFAST_CONCURRENCY', 'did you mean HOLDFAST_DEFAULTS_CONCURRENCY?'],
    ['HOLDFAST_APIKEY', 'did you mean HOLDFAST_API_KEY?'],
    ['HOLDFAST_WORKSPACES_MY_SHOP_APIKEY', 'did you mean HOLDFAST_WORKSPACES_MY_SHOP_API_KEY?'],
    ['HOLDFAST_WORKSPACES_SHOP_REGOIN', 'did you mean HOLDFAST_WORKSPACES_SHOP_REGION?'],
    [
      'HOLDFAST_WORKSPACES_API_KEY',
      'after HOLDFAST_WORKSPACES_ comes the name of the workspace, then a setting such as _API_KEY',
    ],
    ['HOLDFAST_SOMETHING_ELSE', null],
    ['HOLDFAST_', null],
  ]
  for (const [name, hint] of table) {
    const expected = `${name} this name is not known${hint === null ? '' : ` -> ${hint}`}`
    assert.deepEqual(lines({ env: { ...ONE, [name]: '1' } }), [expected])
  }
})

test('names of the program, of other programs and empty values are left alone', () => {
  const env = {
    ...ONE,
    HOLDFAST_URL: 'http://localhost',
    HOLDFAST_REGION: '',
    HOLDFASTX: '1',
    holdfast_x: '1',
    CIO_TOKEN: 'x',
  }
  assert.deepEqual(lines({ env }), [])
})

test('what Kubernetes sets for a Service called holdfast is no setting', () => {
  const env = {
    ...ONE,
    HOLDFAST_SERVICE_HOST: '10.0.0.1',
    HOLDFAST_SERVICE_PORT: '8484',
    HOLDFAST_SERVICE_PORT_HTTP: '8484',
    HOLDFAST_PORT: 'tcp://10.0.0.1:8484',
    HOLDFAST_PORT_8484_TCP: 'tcp://10.0.0.1:8484',
    HOLDFAST_PORT_8484_TCP_PROTO: 'tcp',
    HOLDFAST_PORT_8484_TCP_PORT: '8484',
    HOLDFAST_PORT_8484_TCP_ADDR: '10.0.0.1',
    HOLDFAST_RELAY_SERVICE_HOST: '10.0.0.2',
    HOLDFAST_ADMIN_PORT: 'tcp://10.0.0.2:8485',
  }
  assert.equal(load({ env }).config.admin.port, 8485)
})

test('the short names are for the only workspace', () => {
  assert.equal(load({ yaml: SHOP, env: { HOLDFAST_REGION: 'eu' } }).config.workspaces['shop']?.region, 'eu')
  assert.equal(load({ yaml: SHOP, flags: { region: 'eu' } }).config.workspaces['shop']?.region, 'eu')
  const two = `${SHOP}  eu: { siteId: x, apiKey: y }\n`
  assert.deepEqual(lines({ yaml: two, env: { HOLDFAST_REGION: 'eu', HOLDFAST_API_KEY: 'z' } }), [
    'HOLDFAST_API_KEY apiKey: there are 2 workspaces, and this name says of none which it is -> use HOLDFAST_WORKSPACES_SHOP_API_KEY and the like',
    'HOLDFAST_REGION region: there are 2 workspaces, and this name says of none which it is -> use HOLDFAST_WORKSPACES_SHOP_REGION, or HOLDFAST_DEFAULTS_REGION for all',
  ])
  const both = { HOLDFAST_REGION: 'eu', HOLDFAST_WORKSPACES_SHOP_REGION: 'us' }
  assert.deepEqual(lines({ yaml: SHOP, env: both }), [
    'HOLDFAST_REGION workspaces.shop.region: this is the same setting as HOLDFAST_WORKSPACES_SHOP_REGION; give one of them',
  ])
})

test('a secret is read from its file, without the line end', () => {
  const files = { '/run/key': 'from-file\n', '/etc/holdfast/here': 'beside\r\n' }
  const { config, origins } = load({ env: { HOLDFAST_SITE_ID: 'a', HOLDFAST_API_KEY_FILE: '/run/key' }, files })
  assert.equal(config.workspaces['default']?.apiKey, 'from-file')
  assert.deepEqual(origins['workspaces.default.apiKey'], { source: 'secret-file', where: '/run/key' })
  const yaml = 'admin: { tokenFile: here }\nworkspaces: { shop: { siteId: a, apiKeyFile: here } }'
  assert.equal(load({ yaml, files }).config.workspaces['shop']?.apiKey, 'beside')
  assert.equal(load({ yaml, files }).config.admin.token, 'beside')
  assert.equal(load({ yaml, files, flags: { apiKeyFile: '/run/key' } }).config.workspaces['shop']?.apiKey, 'from-file')
})

test("a secret's file that is not read because something stronger is given may be missing", () => {
  const yaml = 'workspaces: { shop: { siteId: a, apiKeyFile: missing } }'
  assert.equal(load({ yaml, env: { HOLDFAST_API_KEY: 'b' } }).config.workspaces['shop']?.apiKey, 'b')
})

test("a secret's file that cannot be used is told by its name", () => {
  const told = (files: Record<string, string>): string =>
    lines({ env: { HOLDFAST_SITE_ID: 'a', HOLDFAST_API_KEY_FILE: '/run/key' }, files }).join('; ')
  const place = "HOLDFAST_API_KEY_FILE workspaces.default.apiKeyFile: the secret's file /run/key"
  assert.equal(told({}), `${place} cannot be read: there is no such file`)
  assert.equal(told({ '/run/key': '\n' }), `${place} is empty`)
  assert.equal(
    told({ '/run/key': 'one\ntwo-secret' }),
    `${place} holds what is no secret; it must be a text of 1 to 1000 characters in one line -> the file must hold the secret and nothing else`,
  )
  assert.deepEqual(lines({ env: { ...ONE, HOLDFAST_API_KEY_FILE: '/run/key' } }), [
    'HOLDFAST_API_KEY_FILE apiKey: both apiKey and apiKeyFile are given; give one of them',
  ])
})

test("a secret's file that everybody can read is a warning", () => {
  const env = { HOLDFAST_SITE_ID: 'a', HOLDFAST_API_KEY_FILE: '/run/key' }
  const { warnings } = load({ env, files: { '/run/key': 'k' }, worldReadable: true })
  assert.deepEqual(warnings, ["every user of this machine can read the secret's file /run/key"])
})

test('files are read from the disk, with a bound and their mode', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'))
  try {
    const key = join(folder, 'key')
    writeFileSync(key, 'from-disk\n')
    chmodSync(key, 0o600)
    assert.deepEqual(readSmallFile(key, 100), { text: 'from-disk\n', worldReadable: false })
    chmodSync(key, 0o644)
    assert.deepEqual(readSmallFile(key, 100), { text: 'from-disk\n', worldReadable: true })
    assert.deepEqual(readSmallFile(key, 5), { unreadable: 'it is larger than 5 bytes' })
    writeFileSync(key, Buffer.from([0xff, 0xfe, 0x41, 0]))
    assert.deepEqual(readSmallFile(key, 100), { unreadable: 'it is not text in UTF-8' })
    mkdirSync(join(folder, 'sub'))
    assert.deepEqual(readSmallFile(join(folder, 'sub'), 100), { unreadable: 'it is a folder' })
    assert.deepEqual(readSmallFile(join(folder, 'none'), 100), { unreadable: 'there is no such file' })
    assert.deepEqual(readSmallFile('/dev/zero', 100), { unreadable: 'it is larger than 100 bytes' })
    assert.throws(
      () => loadConfig({ file: 'none.yaml', env: ONE, flags: {}, cwd: folder }),
      (error: Error) =>
        error.message === 'the configuration has 1 problem:\n  none.yaml: cannot be read: there is no such file',
    )
    assert.throws(
      () =>
        loadConfig({
          env: { ...ONE, HOLDFAST_CONFIG: 'big.yaml' },
          flags: {},
          cwd: folder,
          readFile: () => readSmallFile('/dev/zero', 1_000_000),
        }),
      (error: Error) => error.message.endsWith('big.yaml: cannot be read: it is larger than 1000000 bytes'),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
