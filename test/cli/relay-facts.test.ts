/** Which source of a fact about a relay counts: flag, environment, configuration file, default. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import { CliError } from '../../src/cli/cli-error.ts'
import { credentialsOf, intakeUrlOf, outboxSiteIdOf } from '../../src/cli/credentials.ts'
import { type FactFlags, type RelayFacts, relayFactsOf } from '../../src/cli/relay-facts.ts'

const cwd = mkdtempSync(join(tmpdir(), 'holdfast-facts-'))
after(() => rmSync(cwd, { recursive: true, force: true }))

const shop = { siteId: 'shop-site', apiKey: 'shop-key' }
const blog = {
  siteId: 'blog-site',
  apiKey: 'blog-key',
  inbound: [
    { siteId: 'app', apiKey: 'app-key' },
    { siteId: 'job', apiKey: 'job-key' },
  ],
}
const one = { dataDir: 'data', listen: { port: 1 }, admin: { port: 2, token: 'token-of-the-file' } }

function file(name: string, config: object): string {
  writeFileSync(join(cwd, name), JSON.stringify(config))
  return name
}

const ONE = file('one.json', { ...one, workspaces: { shop } })
const TWO = file('two.json', { listen: { port: 0 }, admin: { port: 0 }, workspaces: { shop, blog } })
writeFileSync(join(cwd, 'key'), 'key-of-a-file\n')

interface Given {
  readonly config?: string
  readonly env?: Readonly<Record<string, string>>
  readonly flags?: FactFlags
}

function facts({ config, env = {}, flags = {} }: Given): RelayFacts {
  return relayFactsOf({ env, cwd }, config === undefined ? {} : { config }, flags)
}

const rows: readonly (readonly [string, Given, Partial<RelayFacts>])[] = [
  [
    'nothing is said',
    {},
    {
      dataDir: join(cwd, 'holdfast-data'),
      adminUrl: 'http://127.0.0.1:8485',
      intakeUrl: 'http://127.0.0.1:8484',
      token: { file: join(cwd, 'holdfast-data/admin-token'), isMade: true },
      siteId: null,
      apiKey: null,
    },
  ],
  [
    'the file alone',
    { config: ONE },
    {
      dataDir: join(cwd, 'data'),
      adminUrl: 'http://127.0.0.1:2',
      intakeUrl: 'http://127.0.0.1:1',
      token: { text: 'token-of-the-file' },
      workspace: 'shop',
      siteId: 'shop-site',
      apiKey: { text: 'shop-key' },
    },
  ],
  ['the file by the environment', { env: { HOLDFAST_CONFIG: ONE } }, { adminUrl: 'http://127.0.0.1:2' }],
  ['an empty name is none', { env: { HOLDFAST_CONFIG: '' } }, { adminUrl: 'http://127.0.0.1:8485' }],
  ['and so is an empty flag', { config: '' }, { adminUrl: 'http://127.0.0.1:8485' }],
  [
    'the environment over the file',
    {
      config: ONE,
      env: {
        HOLDFAST_DATA_DIR: 'env',
        HOLDFAST_ADMIN_PORT: '3',
        HOLDFAST_LISTEN_PORT: '4',
        HOLDFAST_ADMIN_TOKEN: 'token-of-the-environment',
        HOLDFAST_SITE_ID: 'env-site',
        HOLDFAST_API_KEY: 'env-key',
      },
    },
    {
      dataDir: join(cwd, 'env'),
      adminUrl: 'http://127.0.0.1:3',
      intakeUrl: 'http://127.0.0.1:4',
      token: { text: 'token-of-the-environment' },
      siteId: 'env-site',
      apiKey: { text: 'env-key' },
    },
  ],
  [
    'an address over a port, from wherever that is',
    { config: ONE, env: { HOLDFAST_ADMIN_URL: 'http://a', HOLDFAST_URL: 'http://b', HOLDFAST_ADMIN_PORT: '3' } },
    { adminUrl: 'http://a', intakeUrl: 'http://b' },
  ],
  [
    'the environment without a file',
    {
      env: {
        HOLDFAST_DATA_DIR: 'env',
        HOLDFAST_ADMIN_PORT: '3',
        HOLDFAST_ADMIN_TOKEN: '',
        HOLDFAST_ADMIN_TOKEN_FILE: 'token',
        HOLDFAST_SITE_ID: 'env-site',
        HOLDFAST_API_KEY: 'env-key',
      },
    },
    {
      dataDir: join(cwd, 'env'),
      adminUrl: 'http://127.0.0.1:3',
      token: { file: join(cwd, 'token') },
      siteId: 'env-site',
      apiKey: { text: 'env-key' },
    },
  ],
  [
    'flags over all',
    {
      config: ONE,
      env: { HOLDFAST_ADMIN_URL: 'http://a', HOLDFAST_URL: 'http://b', HOLDFAST_DATA_DIR: 'env' },
      flags: {
        dataDir: 'flag',
        adminUrl: 'http://c',
        intakeUrl: 'http://d',
        tokenFile: 'token',
        siteId: 'flag-site',
        apiKeyFile: 'key',
      },
    },
    {
      dataDir: join(cwd, 'flag'),
      adminUrl: 'http://c',
      intakeUrl: 'http://d',
      token: { file: join(cwd, 'token') },
      siteId: 'flag-site',
      apiKey: { file: join(cwd, 'key') },
    },
  ],
  [
    'several workspaces, none named, no port',
    { config: TWO },
    { workspace: null, siteId: null, apiKey: null, outboxSiteId: null, adminUrl: null, intakeUrl: null },
  ],
  [
    'a named workspace: what its applications show, and whose its outbox is',
    { config: TWO, flags: { workspace: 'blog' } },
    { workspace: 'blog', siteId: 'app', apiKey: { text: 'app-key' }, outboxSiteId: 'blog-site' },
  ],
  ['a site that is named has its own key', { config: TWO, flags: { siteId: 'job' } }, { apiKey: { text: 'job-key' } }],
  ['a site that is not known has none', { config: TWO, flags: { siteId: 'nobody' } }, { apiKey: null }],
]

for (const [name, given, expected] of rows) {
  test(`facts of a relay: ${name}`, () => {
    const found = facts(given)
    for (const [fact, value] of Object.entries(expected)) assert.deepEqual(found[fact as keyof RelayFacts], value, fact)
  })
}

test('an address that means every one is reached at the loopback one, by the scheme that is spoken', () => {
  for (const [host, url] of [
    ['0.0.0.0', 'http://127.0.0.1:1'],
    ['::', 'http://[::1]:1'],
    ['relay.internal', 'http://relay.internal:1'],
  ] as const) {
    const config = file('host.json', { listen: { host, port: 1, allowRemote: true }, workspaces: { shop } })
    assert.equal(facts({ config }).intakeUrl, url)
  }
  const tls = { certFile: 'cert.pem', keyFile: 'key.pem' }
  const config = file('tls.json', { listen: { port: 1, tls }, workspaces: { shop } })
  assert.equal(facts({ config }).intakeUrl, 'https://127.0.0.1:1')
})

test('what is missing is said with what to do', () => {
  for (const [what, given, code, exit] of [
    [credentialsOf, {}, 'SITE_ID_MISSING', 2],
    [credentialsOf, { flags: { siteId: 'a' } }, 'API_KEY_MISSING', 2],
    [credentialsOf, { flags: { siteId: 'a', apiKeyFile: 'none' } }, 'API_KEY_FILE', 2],
    [credentialsOf, { config: TWO }, 'needs-workspace', 2],
    [credentialsOf, { config: TWO, flags: { siteId: 'a' } }, 'API_KEY_MISSING', 2],
    [outboxSiteIdOf, { config: TWO }, 'needs-workspace', 2],
    [intakeUrlOf, { config: TWO }, 'URL_UNKNOWN', 2],
    [credentialsOf, { config: TWO, flags: { workspace: 'shoq' } }, 'unknown-workspace', 2],
    [credentialsOf, { config: 'none.yaml' }, 'INVALID_CONFIG', 78],
  ] as const) {
    const isTold = (error: unknown): boolean =>
      error instanceof CliError && error.code === code && error.exitCode === exit && error.message !== ''
    assert.throws(() => what(facts(given)), isTold, code)
  }
  assert.equal(credentialsOf(facts({ flags: { siteId: 'a', apiKeyFile: 'key' } })).apiKey, 'key-of-a-file')
})
