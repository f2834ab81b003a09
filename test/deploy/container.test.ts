/**
 * Dockerfile and compose.yaml without a Docker: the facts that stand in them, and the image's own commands, executed in a
 * folder that holds what the image would hold.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

import { parse } from 'yaml'

import { settingRows } from '../../src/config/index.ts'
import { root } from './manifests.ts'

interface Instruction {
  readonly name: string
  readonly text: string
}

/** One list of instructions for each stage; lines that go on are joined. */
function stages(): readonly (readonly Instruction[])[] {
  const lines = readFileSync(join(root, 'Dockerfile'), 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
  const found: Instruction[][] = []
  for (const line of lines) {
    const [, name, text] = /^([A-Z]+) (.*)$/.exec(line)!
    if (name === 'FROM') found.push([])
    found.at(-1)!.push({ name: name!, text: text! })
  }
  return found
}

function of(stage: readonly Instruction[], name: string): readonly string[] {
  return stage.filter((instruction) => instruction.name === name).map(({ text }) => text)
}

const [build, dependencies, final] = stages() as [Instruction[], Instruction[], Instruction[]]

test('the image has three stages of one Node, and nothing of the build but dist and the dependencies of production', () => {
  assert.equal(stages().length, 3)
  for (const stage of stages()) assert.match(of(stage, 'FROM')[0]!, /^node:24-slim( AS \w+)?$/)
  const [install, peers, ...others] = of(dependencies, 'RUN')
  assert.equal(install, 'npm ci --omit=dev --ignore-scripts')
  assert.match(peers!, /^npm install --save-prod --save-exact --omit=dev --ignore-scripts /)
  assert.deepEqual(others, [])
  assert.deepEqual(of(build, 'RUN'), ['npm ci --ignore-scripts', 'npx tsc -p tsconfig.build.json'])
  const copied = of(final, 'COPY').filter((text) => text.startsWith('--from='))
  assert.deepEqual(copied, [
    '--from=dependencies /build/node_modules ./node_modules',
    '--from=build /build/dist ./dist',
  ])
})

test('the image has what the outboxes on a server need, in the versions that the tests run with', () => {
  const { devDependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>
    readonly peerDependencies: Readonly<Record<string, string>>
  }
  const installed = [...of(dependencies, 'RUN')[1]!.matchAll(/ ([a-z]+)@([\d.]+)/g)].map(
    ([, name, version]) => [name!, version!] as const,
  )
  assert.deepEqual(
    installed.map(([name]) => name),
    ['bullmq', 'ioredis', 'pg'],
  )
  for (const [name, version] of installed) {
    assert.equal(version, devDependencies[name], name)
    assert.ok(peerDependencies[name] !== undefined, name)
  }
})

test('what the image copies is there, and the context holds nothing else', () => {
  const ignore = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')
  assert.ok(ignore.includes('*'))
  const allowed = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  for (const stage of stages()) {
    for (const text of of(stage, 'COPY').filter((line) => !line.startsWith('--'))) {
      for (const source of text.split(' ').slice(0, -1)) {
        assert.ok(existsSync(join(root, source)), source)
        assert.ok(allowed.includes(source), `${source} is not in the context`)
      }
    }
  }
})

test('it runs without root, is stopped by SIGTERM, keeps its data on a volume, and holds no secret', () => {
  assert.deepEqual(of(final, 'USER'), ['1000:1000'])
  assert.deepEqual(of(final, 'STOPSIGNAL'), ['SIGTERM'])
  assert.deepEqual(of(final, 'VOLUME'), ['/data'])
  const variables = Object.fromEntries([...of(final, 'ENV')[0]!.matchAll(/(\w+)=(\S+)/g)].map(([, a, b]) => [a, b]))
  assert.equal(variables['HOLDFAST_DATA_DIR'], '/data')
  const known = new Set(settingRows.map(({ env }) => env))
  for (const name of Object.keys(variables))
    assert.ok(['NODE_ENV', 'NODE_OPTIONS'].includes(name) || known.has(name), name)
  for (const name of Object.keys(variables)) assert.ok(!/KEY|TOKEN|SECRET/.test(name), name)
  assert.ok(of(final, 'HEALTHCHECK')[0]!.includes(`127.0.0.1:${variables['HOLDFAST_OPS_PORT']}/readyz`))
  assert.ok(of(final, 'EXPOSE')[0]!.split(' ').includes(String(variables['HOLDFAST_OPS_PORT'])))
})

/** What stands in brackets behind an instruction. */
function listOf(text: string): readonly string[] {
  return JSON.parse(text.slice(text.indexOf('['))) as readonly string[]
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', resolve))
}

test('its entry point, from what is built, runs a relay that its health check calls healthy and SIGTERM ends with 0', async () => {
  const parent = join(root, '.tmp')
  mkdirSync(parent, { recursive: true })
  const app = mkdtempSync(join(parent, 'image-'))
  try {
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const built = spawnSync(process.execPath, [
      compiler,
      '-p',
      join(root, 'tsconfig.build.json'),
      '--outDir',
      join(app, 'dist'),
    ])
    assert.equal(built.status, 0, built.stdout.toString())
    cpSync(join(root, 'package.json'), join(app, 'package.json'))
    symlinkSync(join(root, 'node_modules'), join(app, 'node_modules'))

    const [command, ...entry] = [...listOf(of(final, 'ENTRYPOINT')[0]!), ...listOf(of(final, 'CMD')[0]!)]
    assert.equal(command, 'node')
    const relay = spawn(
      process.execPath,
      entry.map((argument) => argument.replace('/app/', `${app}/`)),
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          HOLDFAST_SITE_ID: 'site',
          HOLDFAST_API_KEY: 'key',
          HOLDFAST_DATA_DIR: join(app, 'data'),
          HOLDFAST_LISTEN_PORT: '0',
          HOLDFAST_ADMIN_PORT: '0',
          HOLDFAST_OPS_PORT: '0',
        },
      },
    )
    const over = ended(relay)
    try {
      const ops = await opsOf(relay)
      const [node, ...check] = listOf(of(final, 'HEALTHCHECK')[0]!)
      assert.equal(node, 'node')
      const health = (url: string): Promise<number | null> =>
        ended(
          spawn(
            process.execPath,
            check.map((argument) => argument.replace('http://127.0.0.1:8486', url)),
          ),
        )
      assert.equal(await health(ops), 0)
      relay.kill('SIGTERM')
      assert.equal(await over, 0)
      assert.equal(await health(ops), 1)
    } finally {
      relay.kill('SIGKILL')
    }
  } finally {
    rmSync(app, { recursive: true, force: true })
  }
})

/** Resolves when the relay takes requests: where its health is. */
function opsOf(relay: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let url = ''
    createInterface({ input: relay.stdout! }).on('line', (text) => {
      const line = JSON.parse(text) as { readonly event: string; readonly listener?: string; readonly url?: string }
      if (line.event === 'listening' && line.listener === 'ops') url = line.url!
      if (line.event === 'started') resolve(url)
    })
    relay.once('close', () => reject(new Error('the relay ended before it was ready')))
  })
}

test('compose joins the relay with a simulator: ports, credentials, order of start, time to stop', () => {
  interface Composed {
    readonly command?: readonly string[]
    readonly environment?: Readonly<Record<string, string>>
    readonly network_mode?: string
    readonly depends_on?: object
    readonly stop_grace_period?: string
    readonly volumes?: readonly string[]
    readonly healthcheck?: { readonly test: readonly string[] }
  }
  const { services, volumes } = parse(readFileSync(join(root, 'compose.yaml'), 'utf8')) as {
    readonly services: Readonly<Record<'relay' | 'simulator', Composed>>
    readonly volumes: object
  }
  const { relay, simulator } = services
  const option = (name: string): string => simulator.command![simulator.command!.indexOf(name) + 1]!
  assert.equal(relay.environment!['HOLDFAST_BASE_URL'], `http://127.0.0.1:${option('--port')}`)
  assert.equal(relay.environment!['HOLDFAST_SITE_ID'], option('--site-id'))
  assert.equal(relay.environment!['HOLDFAST_API_KEY'], option('--api-key'))
  assert.equal(relay.network_mode, 'service:simulator')
  assert.deepEqual(relay.depends_on, { simulator: { condition: 'service_healthy' } })
  assert.ok(simulator.healthcheck!.test.join(' ').includes(`127.0.0.1:${option('--port')}`))
  const known = new Set(settingRows.map(({ env }) => env))
  for (const name of Object.keys(relay.environment!)) assert.ok(known.has(name), name)
  const shutdown = settingRows.find(({ path }) => path === 'shutdownTimeout')!
  assert.ok(Number.parseInt(relay.stop_grace_period!, 10) > Number.parseInt(String(shutdown.default), 10))
  assert.deepEqual(relay.volumes, ['data:/data'])
  assert.deepEqual(Object.keys(volumes), ['data'])
})
