import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'

import type { Io } from '../../src/cli/io.ts'
import { run } from '../../src/cli/program.ts'
import { systemRuntime } from '../../src/runtime/system.ts'

const KEY = 'a-key-that-nobody-sees'
let folder = ''

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-config-'))
  writeFileSync(join(folder, 'good.yaml'), `workspaces: { shop: { siteId: a, apiKey: ${KEY} } }\n`)
  writeFileSync(join(folder, 'bad.yaml'), `listn: {}\nworkspaces: { shop: { siteId: a, apikey: ${KEY} } }\n`)
  writeFileSync(
    join(folder, 'tls.yaml'),
    `listen: { tls: { certFile: none.crt, keyFile: none.key } }\nworkspaces: { shop: { siteId: a, apiKey: b } }\n`,
  )
})
after(() => rmSync(folder, { recursive: true }))

interface Said {
  readonly out: string
  readonly err: string
  readonly code: number
}

async function holdfast(args: readonly string[], env: Io['env'] = {}, isTerminal = true): Promise<Said> {
  const said = { out: '', err: '', code: 0 }
  const io: Io = {
    stdout: { write: (text) => void (said.out += text), isTerminal, columns: 80 },
    stderr: { write: (text) => void (said.err += text), isTerminal, columns: 80 },
    stdin: Readable.from([]),
    env,
    cwd: folder,
    runtime: systemRuntime,
    onSignal: () => () => undefined,
    exitWith: (code) => void (said.code = code),
  }
  await run(args, io)
  return said
}

test('a good configuration passes the check', async () => {
  assert.deepEqual(await holdfast(['config', 'check', 'good.yaml']), {
    out: 'the configuration is good\n',
    err: '',
    code: 0,
  })
  assert.deepEqual(JSON.parse((await holdfast(['config', 'check', 'good.yaml'], {}, false)).out), {
    ok: true,
    problems: [],
  })
  assert.equal((await holdfast(['--config', 'good.yaml', 'config', 'check'])).code, 0)
  assert.equal((await holdfast(['config', 'check'], { HOLDFAST_CONFIG: 'good.yaml' })).code, 0)
})

test('a wrong one ends with 78 and every problem', async () => {
  const { out, err, code } = await holdfast(['config', 'check', 'bad.yaml', '--listen-port', 'x'])
  assert.equal(code, 78)
  assert.equal(err, '')
  assert.deepEqual(out.split('\n'), [
    'the configuration has 4 problems:',
    '  bad.yaml:1:1: listn: "listn" is not known here',
    '    did you mean listen?',
    '  bad.yaml:2:34: workspaces.shop.apikey: "apikey" is not known here',
    '    did you mean apiKey?',
    '  --listen-port: listen.port: found the text "x"; must be a whole number from 0 to 65535',
    '  bad.yaml:2:15: workspaces.shop.apiKey: is missing',
    '    write it into the file, or set HOLDFAST_API_KEY or HOLDFAST_API_KEY_FILE',
    '',
  ])
  const json = JSON.parse((await holdfast(['config', 'check', 'bad.yaml', '--json'])).out) as {
    readonly ok: boolean
    readonly problems: readonly { readonly path: string }[]
  }
  assert.equal(json.ok, false)
  assert.deepEqual(
    json.problems.map(({ path }) => path),
    ['listn', 'workspaces.shop.apikey', 'workspaces.shop.apiKey'],
  )
})

test('the check looks at the files of TLS too', async () => {
  const { out, code } = await holdfast(['config', 'check', 'tls.yaml'])
  assert.equal(code, 78)
  assert.match(out, /none\.crt: listen\.tls\.certFile: cannot be read: there is no such file/)
  assert.match(out, /none\.key: listen\.tls\.keyFile: cannot be read: there is no such file/)
})

test('print shows what holds, and no secret', async () => {
  const env = { HOLDFAST_LOG_LEVEL: 'warn' }
  const text = await holdfast(['--config', 'good.yaml', 'config', 'print', '--origins', '--listen-allow-remote'], env)
  assert.equal(text.code, 0)
  assert.ok(!text.out.includes(KEY))
  assert.match(text.out, /^ {2}level: warn {2}# HOLDFAST_LOG_LEVEL$/m)
  assert.match(text.out, /^ {2}allowRemote: true {2}# --listen-allow-remote$/m)
  assert.match(text.out, /^ {4}apiKey: "\*{8}" {2}# good\.yaml:1:42$/m)
  const json = JSON.parse((await holdfast(['--config', 'good.yaml', 'config', 'print', '--json'], env)).out) as Record<
    string,
    unknown
  >
  assert.deepEqual(json['log'], { level: 'warn' })
  const both = JSON.parse(
    (await holdfast(['--config', 'good.yaml', 'config', 'print', '--json', '--origins'], env)).out,
  ) as {
    readonly origins: Readonly<Record<string, unknown>>
  }
  assert.deepEqual(both.origins['log.level'], { source: 'env', where: 'HOLDFAST_LOG_LEVEL' })
})

test('print of a wrong one ends with 78 and says why on stderr', async () => {
  const { out, err, code } = await holdfast(['config', 'print'])
  assert.equal(code, 78)
  assert.equal(out, '')
  assert.match(err, /^holdfast: the configuration has 1 problem:\n {2}workspaces: there must be at least one\n/)
  const json = JSON.parse((await holdfast(['config', 'print', '--json'])).err) as {
    readonly error: { readonly code: string }
  }
  assert.equal(json.error.code, 'INVALID_CONFIG')
})

test('schema prints the JSON Schema', async () => {
  const { out } = await holdfast(['config', 'schema'])
  assert.equal((JSON.parse(out) as Record<string, unknown>)['$schema'], 'https://json-schema.org/draft/2020-12/schema')
})
