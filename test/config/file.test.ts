import assert from 'node:assert/strict'
import { test } from 'node:test'

import { lines, load, problems, SHOP } from './given.ts'

/** Of a file with a workspace that is good. */
const cases: readonly (readonly [name: string, yaml: string, expected: readonly string[]])[] = [
  ['an unknown section', 'listn: {}', ['5:1 listn: "listn" is not known here -> did you mean listen?']],
  ['an unknown key', 'log: { lvel: info }', ['5:8 log.lvel: "lvel" is not known here -> did you mean level?']],
  [
    'a key of elsewhere',
    'idleTimeout: 5s',
    ['5:1 idleTimeout: "idleTimeout" is not known here -> did you mean limits.idleTimeout?'],
  ],
  [
    'a key that is near none',
    'log: { colour: red }',
    ['5:8 log.colour: "colour" is not known here -> known here: level'],
  ],
  [
    'a text for a number',
    'listen: { port: 84x4 }',
    ['5:17 listen.port: found the text "84x4"; must be a whole number from 0 to 65535'],
  ],
  [
    'a quoted number',
    'listen: { port: "8484" }',
    [
      '5:17 listen.port: found the text "8484"; must be a whole number from 0 to 65535 -> write it as a plain number, without quotes',
    ],
  ],
  [
    'a number out of range',
    'listen: { port: 65536 }',
    ['5:17 listen.port: found the number 65536; must be a whole number from 0 to 65535'],
  ],
  [
    'infinity',
    'defaults: { rateLimitPerSecond: .inf }',
    ['5:33 defaults.rateLimitPerSecond: found the number Infinity; must be a number above 0'],
  ],
  [
    'a time without a unit',
    'shutdownTimeout: 25',
    [
      '5:18 shutdownTimeout: found the number 25; must be a time with its unit (ms, s, m, h, d), from 0s to 1h -> the unit is missing: 25ms, or 25s?',
    ],
  ],
  [
    'a time that is too long',
    'shutdownTimeout: 2h',
    ['5:18 shutdownTimeout: found the text "2h"; must be a time with its unit (ms, s, m, h, d), from 0s to 1h'],
  ],
  [
    'a size that is too large',
    'limits: { bodyBytesMax: 2GiB }',
    [
      '5:25 limits.bodyBytesMax: found the text "2GiB"; must be a size (B, kB, KiB, MB, MiB, GB, GiB), from 1KiB to 64MiB',
    ],
  ],
  [
    'a word for a boolean',
    'openTelemetry: yes',
    ['5:16 openTelemetry: found the text "yes"; must be true or false -> write true'],
  ],
  [
    'a word that is none of them',
    'log: { level: loud }',
    ['5:15 log.level: found the text "loud"; must be one of trace, debug, info, warn, error, fatal, silent'],
  ],
  ['nothing for a value', 'dataDir:', ['5:9 dataDir: found nothing (null); must be the path of a file']],
  ['a value for a section', 'limits: 5', ['5:9 limits: found a number; it must be a mapping (key: value)']],
  ['a list for a section', 'log: [info]', ['5:6 log: found a list; it must be a mapping (key: value)']],
  [
    'credentials under defaults',
    'defaults: { siteId: x }',
    ['5:13 defaults.siteId: "siteId" is not known here -> did you mean workspaces.<name>.siteId?'],
  ],
  [
    'an unknown kind of call',
    'defaults: { maxAge: { evnt: 3d } }',
    ['5:23 defaults.maxAge.evnt: "evnt" is not known here -> did you mean event?'],
  ],
  [
    'an age without a unit',
    'defaults: { maxAge: { event: 3 } }',
    [
      '5:30 defaults.maxAge.event: found the number 3; must be a time with its unit (ms, s, m, h, d), from 1ms to 365d, or a mapping from kinds of call to such times -> the unit is missing: 3ms, or 3s?',
    ],
  ],
  [
    'a merge key',
    'defaults: { <<: { lint: off } }',
    [
      '5:13 defaults.<<: "<<" is not known here -> merge keys are not taken here; what is common to all workspaces stands under defaults',
    ],
  ],
  [
    'names that mean something to objects',
    '__proto__: {}\nconstructor: {}\ntoString: 1',
    [
      '5:1 __proto__: "__proto__" is not known here',
      '6:1 constructor: "constructor" is not known here',
      '7:1 toString: "toString" is not known here',
    ],
  ],
]

for (const [name, yaml, expected] of cases) {
  test(`a wrong file is told by its place: ${name}`, () => {
    assert.deepEqual(lines({ yaml: SHOP + yaml }), expected)
  })
}

const workspaceCases: readonly (readonly [name: string, yaml: string, expected: readonly string[]])[] = [
  [
    'a name',
    '  Shop: { siteId: a, apiKey: b }',
    ['5:3 workspaces: "Shop" is no name for a workspace: a to z, 0 to 9 and hyphens, at most 40, no hyphen first'],
  ],
  [
    'a key',
    '  eu: { siteId: a, apiKey: b, regoin: eu }',
    ['5:31 workspaces.eu.regoin: "regoin" is not known here -> did you mean region?'],
  ],
  [
    'a secret of digits',
    '  eu: { siteId: a, apiKey: 0123456 }',
    [
      '5:28 workspaces.eu.apiKey: found a number; must be a text of 1 to 1000 characters in one line -> put quotes round it, so that it is a text',
    ],
  ],
  [
    'a missing key',
    '  eu: { siteId: a }',
    [
      '/etc/holdfast/relay.yaml:5:3 workspaces.eu.apiKey: is missing -> write it into the file, or set HOLDFAST_WORKSPACES_EU_API_KEY or HOLDFAST_WORKSPACES_EU_API_KEY_FILE',
    ],
  ],
  ['no mapping', '  eu: eu', ['5:7 workspaces.eu: found a text of 2 characters; it must be a mapping (key: value)']],
  [
    'two forms of a secret',
    '  eu: { siteId: a, apiKey: b, apiKeyFile: c }',
    ['5:43 workspaces.eu.apiKey: both apiKey and apiKeyFile are given; give one of them'],
  ],
  [
    'no inbound credentials',
    '  eu: { siteId: a, apiKey: b, inbound: [] }',
    ['5:40 workspaces.eu.inbound: found an empty list; must be a list of at least one (- siteId: ..., apiKey: ...)'],
  ],
  [
    'half of inbound credentials',
    '  eu: { siteId: a, apiKey: b, inbound: [{ siteId: c }, 5] }',
    [
      '5:56 workspaces.eu.inbound[1]: found a number; must be a mapping (key: value)',
      '- workspaces.eu.inbound[0].apiKey: is missing',
    ],
  ],
  [
    'a site id with a colon',
    '  eu: { siteId: "a:b", apiKey: b }',
    ['5:17 workspaces.eu.siteId: found a text of 3 characters; must be a text of 1 to 1000 characters without a colon'],
  ],
  [
    'a URL with credentials',
    '  eu: { siteId: a, apiKey: b, baseUrl: "https://u:p@proxy" }',
    [
      '5:40 workspaces.eu.baseUrl: found a text of 17 characters; must be an absolute http or https URL without credentials',
    ],
  ],
]

for (const [name, yaml, expected] of workspaceCases) {
  test(`a wrong workspace is told by its place: ${name}`, () => {
    assert.deepEqual(
      lines({ yaml: SHOP + yaml }),
      expected.map((line) => line.replace('/etc/holdfast/relay.yaml:', '')),
    )
  })
}

const syntax: readonly (readonly [name: string, yaml: string, expected: string])[] = [
  ['an empty file', '', '/etc/holdfast/relay.yaml the file is empty, or holds comments only'],
  ['comments only', '# nothing\n', '/etc/holdfast/relay.yaml the file is empty, or holds comments only'],
  ['a list', '- a\n', '1:1 found a list; the file must be a mapping (key: value)'],
  ['a text', 'hello\n', '1:1 found a text of 5 characters; the file must be a mapping (key: value)'],
  ['a tab', 'log:\n\tlevel: info\n', '2:1 a tab is used for indentation; YAML takes spaces only'],
  ['a key twice', 'log: {}\ndataDir: a\nlog: {}\n', '3:1 this key stands here twice'],
  ['two documents', 'log: {}\n---\nlog: {}\n', '2:1 a second document begins here; the file must be one'],
  [
    'an open quote',
    'dataDir: "a\n',
    '2:1 a character is missing, such as a colon after a key, a comma, a closing quote or bracket',
  ],
  ['a tag', 'dataDir: !!binary aGVsbG8=\n', '1:19 tags (! and !!) are not taken here; put quotes round a text'],
  [
    'an alias of nothing',
    'dataDir: *secret\n',
    '1:10 a value that begins with * refers to an anchor, and there is none of that name; put quotes round a text',
  ],
  ['a reserved character', 'dataDir: @secret\n', '1:10 a text cannot begin with this character; put quotes round it'],
]

for (const [name, yaml, expected] of syntax) {
  test(`what is no configuration is told: ${name}`, () => {
    const told = lines({ yaml, env: { HOLDFAST_SITE_ID: 'a', HOLDFAST_API_KEY: 'b' } })
    assert.deepEqual(told, [expected])
  })
}

test('aliases are taken, and a bomb of them is not', () => {
  const shared = `${SHOP}    timeouts: &t { call: 7s }\n  eu: { siteId: x, apiKey: y, timeouts: *t }\n`
  assert.equal(load({ yaml: shared }).config.workspaces['eu']?.timeouts.callMs, 7_000)
  const levels = Array.from(
    { length: 12 },
    (_, n) => `l${n}: &l${n} [${Array.from({ length: 10 }, () => (n === 0 ? 'x' : `*l${n - 1}`)).join(', ')}]`,
  )
  const told = lines({ yaml: levels.join('\n') })
  assert.equal(told.length, 1)
  assert.match(told[0]!, /with its aliases the file holds more than 20000 values$/)
  assert.match(lines({ yaml: 'a: &a [*a]' })[0]!, /deeper than 20 levels$/)
  assert.equal(lines({ yaml: `a: ${'['.repeat(5_000)}` }).length, 1)
})

test('a variable that nothing will replace is found out before the relay starts', () => {
  const yaml = `workspaces:\n  shop:\n    siteId: \${SITE_ID}\n    apiKey: "\${KEY:-none}"\n`
  const hint = 'give this setting in the environment instead, or a secret in a file of its own'
  assert.deepEqual(lines({ yaml }), [
    `3:13 workspaces.shop.siteId: found a text with \${...} in it, and nothing is put in its place -> ${hint}`,
    `4:13 workspaces.shop.apiKey: found a text with \${...} in it, and nothing is put in its place -> ${hint}`,
  ])
})

test('JSON is taken, with its schema named', () => {
  const json = JSON.stringify(
    { $schema: './schema.json', workspaces: { shop: { siteId: 'a', apiKey: 'b' } } },
    null,
    '\t',
  )
  assert.equal(load({ yaml: json }).config.workspaces['shop']?.siteId, 'a')
})

test('a section without keys, and null where that is the default, are taken', () => {
  const yaml = `log:\nlimits: null\nops:\ndefaultWorkspace: null\ndefaults:\n${SHOP}    baseUrl: null\n`
  const { config } = load({ yaml })
  assert.equal(config.ops, null)
  assert.equal(config.log.level, 'info')
})

test('every problem is told at once, and none shows a secret', () => {
  const yaml = `listn: {}
log: { level: 5 }
defaultWorkspace: shp
workspaces:
  shop:
    siteId: site-secret
    apiKey: { key: api-secret }
    apikey: api-secret
    baseUrl: api-secret
    region: 0123456789abcdef-secret
    inbound:
      - { siteId: 7, apiKey: api-secret }
`
  const all = problems({
    yaml,
    env: { HOLDFAST_FOO: 'env-secret', HOLDFAST_WORKSPACES_SHOP_REGION: 'a-long-env-secret' },
  })
  assert.deepEqual(
    all.map(({ code, path, where }) => [code, path, where?.replace(/^.*\/relay.yaml:/, '')]),
    [
      ['unknown', 'listn', '1:1'],
      ['wrong', 'log.level', '2:15'],
      ['wrong', 'workspaces.shop.apiKey', '7:13'],
      ['unknown', 'workspaces.shop.apikey', '8:5'],
      ['wrong', 'workspaces.shop.baseUrl', '9:14'],
      ['wrong', 'workspaces.shop.region', '10:13'],
      ['wrong', 'workspaces.shop.inbound[0].siteId', '12:19'],
      ['unknown', '', 'HOLDFAST_FOO'],
      ['wrong', 'workspaces.shop.region', 'HOLDFAST_WORKSPACES_SHOP_REGION'],
      ['conflict', 'defaultWorkspace', '3:19'],
    ],
  )
  assert.ok(!JSON.stringify(all).includes('secret'))
})

test('relative paths begin at the folder of the file', () => {
  const yaml = `${SHOP}dataDir: data\nlisten: { tls: { certFile: tls/crt.pem, keyFile: /abs/key.pem } }\n`
  const { config } = load({ yaml })
  assert.equal(config.dataDir, '/etc/holdfast/data')
  assert.equal(config.listen.tls?.certFile, '/etc/holdfast/tls/crt.pem')
  assert.equal(config.listen.tls?.keyFile, '/abs/key.pem')
})

test('what a workspace says wins over the defaults, and each value knows its place', () => {
  const yaml = `defaults: { region: eu, concurrency: 3 }\n${SHOP}    concurrency: 5\n`
  const { config, origins } = load({ yaml })
  assert.equal(config.workspaces['shop']?.region, 'eu')
  assert.equal(config.workspaces['shop']?.concurrency, 5)
  assert.deepEqual(origins['workspaces.shop.region'], { source: 'file', where: '/etc/holdfast/relay.yaml:1:21' })
  assert.deepEqual(origins['workspaces.shop.concurrency'], { source: 'file', where: '/etc/holdfast/relay.yaml:6:18' })
})
