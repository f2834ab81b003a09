import assert from 'node:assert/strict'
import { test } from 'node:test'

import { loadConfig, type LoadedConfig } from '../../src/config/index.ts'
import { OptionsError } from '../../src/errors.ts'
import { createMetrics } from '../../src/metrics/index.ts'
import type { Assembly } from '../../src/service/assembly.ts'
import { createReloading, planReload } from '../../src/service/reload.ts'
import { createTestRuntime } from '../../src/testing/test-runtime.ts'
import { createTestLog } from '../logs/log.ts'

function loaded(env: Readonly<Record<string, string>> = {}): LoadedConfig {
  return loadConfig({
    env: { HOLDFAST_SITE_ID: 'site', HOLDFAST_API_KEY: 'first-key', ...env },
    flags: {},
    cwd: '/srv',
  })
}

const cases: readonly [sentence: string, env: Record<string, string>, applied: string[], restart: string[]][] = [
  ['nothing', {}, [], []],
  ['a level', { HOLDFAST_LOG_LEVEL: 'debug' }, ['log.level'], []],
  ['a key', { HOLDFAST_API_KEY: 'second-key' }, ['workspaces.default.apiKey', 'workspaces.default.inbound'], []],
  ['a port', { HOLDFAST_LISTEN_PORT: '1' }, [], ['listen.port']],
  ['what the relay was made with', { HOLDFAST_LIMITS_IN_FLIGHT_MAX: '7' }, [], ['limits.inFlightMax']],
  [
    'a folder and a rate',
    { HOLDFAST_DATA_DIR: '/x', HOLDFAST_SHUTDOWN_TIMEOUT: '3s' },
    ['shutdownTimeout'],
    ['dataDir'],
  ],
]

for (const [sentence, env, applied, restart] of cases) {
  test(`a change of ${sentence}: what is applied, and what waits for a restart`, () => {
    const { config } = loaded()
    const plan = planReload(config, config, loaded(env))
    assert.deepEqual([plan.applied, plan.restart], [applied, restart])
  })
}

function onRedis(url: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { HOLDFAST_DEFAULTS_OUTBOX_KIND: 'bullmq', HOLDFAST_DEFAULTS_OUTBOX_URL: url, ...more }
}

test('a new password of the server is applied; another server, kind or file waits for a restart, and the store stays', () => {
  const booted = loaded(onRedis('redis://:a@one')).config
  const path = 'workspaces.default.outbox'
  const password = planReload(booted, booted, loaded(onRedis('redis://:b@one')))
  assert.deepEqual([password.applied, password.restart], [[`${path}.url`], []])
  assert.equal(password.next.workspaces['default']?.outbox.url, 'redis://:b@one')
  const moves: readonly [env: Record<string, string>, restart: string[]][] = [
    [onRedis('redis://:a@two'), [`${path}.url`]],
    [onRedis('redis://:a@one', { HOLDFAST_DEFAULTS_OUTBOX_SPILL_PATH: '/s' }), [`${path}.spill.path`]],
    [{}, [`${path}.kind`, `${path}.url`]],
  ]
  for (const [env, restart] of moves) {
    const plan = planReload(booted, booted, loaded(env))
    assert.deepEqual([plan.applied, plan.restart], [[], restart])
    assert.deepEqual(plan.next.workspaces['default']?.outbox, booted.workspaces['default']?.outbox)
  }
})

test('what waits for a restart is said again at the next reload, what was applied is not', () => {
  const booted = loaded().config
  const env = { HOLDFAST_LISTEN_PORT: '1', HOLDFAST_LOG_LEVEL: 'debug' }
  const plan = planReload(booted, loaded(env).config, loaded(env))
  assert.deepEqual([plan.applied, plan.restart], [[], ['listen.port']])
})

function world(next: () => LoadedConfig, reconfigure: () => Promise<unknown> = () => Promise.resolve()) {
  const log = createTestLog()
  const runtime = createTestRuntime({ clock: log.clock })
  const metrics = createMetrics({ runtime })
  const asked: string[] = []
  const assembly = {
    relay: {
      reconfigure: () => {
        asked.push('reconfigure')
        return reconfigure()
      },
    },
    metrics,
    workspacesOf: (config: { readonly dataDir: string }) => {
      asked.push(config.dataDir)
      return []
    },
  } as unknown as Assembly
  const reloading = createReloading(loaded().config, {
    runtime,
    logger: log.logger,
    load: next,
    assembly,
    intake: () => ({ changeTls: () => asked.push('tls') }),
    token: 'admin-token-of-a-relay',
  })
  return { ...log, reloading, asked, metrics }
}

test('a good configuration is in use afterwards, with the outboxes where they were', async () => {
  const { reloading, asked, logger, lines, metrics } = world(() =>
    loaded({ HOLDFAST_LOG_LEVEL: 'warn', HOLDFAST_DATA_DIR: '/elsewhere' }),
  )
  const report = await reloading.reload()
  assert.deepEqual(report, { applied: ['log.level'], restart: ['dataDir'] })
  assert.deepEqual(asked, ['/srv/holdfast-data', 'reconfigure'])
  assert.equal(logger.level, 'warn')
  assert.equal(reloading.config.log.level, 'warn')
  assert.deepEqual(
    lines().map(({ event }) => event),
    ['restart-needed'],
  )
  assert.match(await metrics.text(), /^holdfast_config_last_reload_successful 1$/m)
})

test('whatever fails, the old configuration stays, the caller hears it, and the log says it without secrets', async () => {
  const failures: readonly [() => LoadedConfig, () => Promise<unknown>][] = [
    [() => loaded({ HOLDFAST_REGION: 'mars' }), () => Promise.resolve()],
    [
      () => loaded({ HOLDFAST_API_KEY: 'second-key' }),
      () => Promise.reject(new OptionsError('client', 'with second-key cannot be')),
    ],
  ]
  for (const [load, reconfigure] of failures) {
    const { reloading, lines, text, metrics } = world(load, reconfigure)
    const before = reloading.config
    await assert.rejects(reloading.reload())
    assert.equal(reloading.config, before)
    assert.equal(lines().at(-1)!['event'], 'reload-refused')
    assert.ok(!text().includes('second-key'))
    assert.match(await metrics.text(), /^holdfast_config_last_reload_successful 0$/m)
  }
})

test('reloads at the same time come one after the other', async () => {
  const release: (() => void)[] = []
  const { reloading, asked } = world(
    () => loaded(),
    () => new Promise<void>((resolve) => release.push(resolve)),
  )
  const both = Promise.all([reloading.reload(), reloading.reload()])
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(asked.filter((word) => word === 'reconfigure').length, 1)
  release.shift()!()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(asked.filter((word) => word === 'reconfigure').length, 2)
  release.shift()!()
  await both
})
