/** `holdfast relay` as a process: it starts, serves, stops, dies and comes back. */
import assert from 'node:assert/strict'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'

import { until } from '../until.ts'
import { asked, scene } from './relay-scene.ts'
import { codeOfFailure, isUntaken } from './track-caller.ts'

test(
  'credentials in the environment are enough: it is ready, stores, delivers, shows metrics, and its folder is its own',
  scene(async ({ folder, start, simulator, caller }) => {
    const relay = start()
    const { url, opsUrl } = await relay.ready()
    for (const root of [url, opsUrl]) {
      for (const path of ['/livez', '/readyz', '/startupz', '/healthz']) {
        assert.equal((await asked(`${root}${path}`)).status, 200, `${root}${path}`)
      }
      const metrics = await (await fetch(`${root}/metrics`)).text()
      assert.match(metrics, /^holdfast_build_info\{/m)
      assert.match(metrics, /^holdfast_config_last_reload_successful 1$/m)
    }
    assert.equal((await asked(`${opsUrl}/api/v1/accounts/region`)).status, 404)
    const { status, body } = await caller.track(url, '42', 'order', { total: 12 })
    assert.deepEqual([status, body], [200, '{}'])
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) === 1)
    assert.equal(statSync(join(folder, 'data')).mode & 0o777, 0o700)
    relay.signal('SIGTERM')
    assert.equal((await relay.ended).code, 0)
    const stopped = relay.lines.at(-1)!
    assert.deepEqual(
      [stopped.event, stopped['waiting'], stopped['deadLetters'], stopped['reset']],
      ['stopped', 0, 0, 0],
    )
    assert.ok(!JSON.stringify(relay.lines).includes('secret-key'))
  }),
)

test(
  'while Customer.io is down it is ready, says degraded, and stores; a wrong key is 401',
  scene(async ({ start, simulator, caller }) => {
    simulator.down('unavailable')
    const relay = start()
    const { url } = await relay.ready()
    for (let count = 0; count < 40; count++) {
      assert.equal((await caller.track(url, `person-${count}`, 'called')).status, 200)
    }
    await relay.saw('circuit-open')
    await until(async () => (await asked(`${url}/readyz`)).body['status'] === 'degraded')
    assert.equal((await asked(`${url}/readyz`)).status, 200)
    const refused = await fetch(`${url}/api/v1/customers/1`, {
      method: 'PUT',
      headers: { authorization: `Basic ${btoa('site:wrong')}`, 'content-type': 'application/json' },
      body: '{}',
    })
    assert.equal(refused.status, 401)
    await relay.saw('unauthorized')
  }),
)

test(
  'SIGTERM under load loses nothing, answers everything that it took, resets no connection, and ends with 0 in its time',
  scene(async ({ start, simulator, caller }) => {
    const relay = start()
    const { url } = await relay.ready()
    const stored: string[] = []
    const failures: string[] = []
    let isStopping = false
    const call = async (lane: number): Promise<void> => {
      for (let count = 0; ; count++) {
        const name = `e-${lane}-${count}`
        try {
          const { status } = await caller.track(url, `p-${lane}`, name)
          if (status === 200) stored.push(name)
          else failures.push(String(status))
        } catch (error) {
          // A connection that the process never had: the port is closed, or closed while this one still waited at it.
          if (isStopping && isUntaken(error)) return
          failures.push(codeOfFailure(error))
        }
      }
    }
    const calls = Array.from({ length: 8 }, (_, lane) => call(lane))
    await until(() => stored.length > 200)
    isStopping = true
    relay.signal('SIGTERM')
    const { code } = await relay.ended
    await Promise.all(calls)
    assert.equal(code, 0)
    assert.deepEqual(failures, [])
    assert.equal(relay.lines.at(-1)!['reset'], 0)

    const next = start()
    await next.ready()
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) >= stored.length)
    const arrived = new Set(simulator.ledger.all().map(({ name }) => name))
    assert.deepEqual(
      stored.filter((name) => !arrived.has(name)),
      [],
    )
  }),
)

test(
  'readiness turns 503 first, and requests are taken until the delay is over; a second signal ends it at once',
  scene(async ({ start, caller, simulator }) => {
    const relay = start({ env: { HOLDFAST_READINESS_DELAY: '5m' } })
    const { url, opsUrl } = await relay.ready()
    relay.signal('SIGTERM')
    await relay.saw('stopping')
    const { status, body } = await asked(`${opsUrl}/readyz`)
    assert.deepEqual([status, body['status'], body['ready']], [503, 'stopping', false])
    assert.equal((await asked(`${opsUrl}/livez`)).status, 200)
    simulator.down('timeout')
    assert.equal((await caller.track(url, '1', 'late')).status, 200)
    relay.signal('SIGTERM')
    const { code } = await relay.ended
    assert.equal(code, 0)
    assert.equal(relay.lines.at(-1)!.event, 'stopped')
    simulator.up()
    await start().ready()
    await until(() => simulator.ledger.count({ name: 'late', applied: true }) === 1)
  }),
)

test(
  'after kill -9 and a restart everything that was answered is delivered, in order',
  scene(async ({ start, simulator, caller }) => {
    const relay = start()
    const { url } = await relay.ready()
    const stored = new Map<string, number>()
    const killed = new AbortController()
    const call = async (lane: number): Promise<void> => {
      const person = `p-${lane}`
      for (let count = 1; !killed.signal.aborted; count++) {
        const answer = await caller.track(url, person, `step-${count}`).catch(() => undefined)
        if (answer?.status !== 200) return
        stored.set(person, count)
      }
    }
    const calls = Array.from({ length: 8 }, (_, lane) => call(lane))
    await until(() => [...stored.values()].reduce((sum, count) => sum + count, 0) > 200)
    relay.signal('SIGKILL')
    killed.abort()
    await relay.ended
    await Promise.all(calls)
    const next = start()
    const { opsUrl } = await next.ready()
    await until(async () => {
      const metrics = await (await fetch(`${opsUrl}/metrics`)).text()
      return [...metrics.matchAll(/^holdfast_queue_depth\{.*\} (\d+)$/gm)].every(([, depth]) => depth === '0')
    })
    for (const [person, last] of stored) {
      const counts = simulator.ledger
        .all()
        .filter((entry) => entry.person === person && entry.applied)
        .map(({ name }) => Number(name?.slice('step-'.length)))
      const [answered, more] = [counts.slice(0, last), counts.slice(last)]
      assert.deepEqual(
        answered,
        Array.from({ length: last }, (_, index) => index + 1),
      )
      assert.ok(more.length <= 1, 'at most the one call that was stored and not answered')
    }
  }),
)

test(
  'a taken port is 75, a folder that cannot be made or a file that is none is 74, a wrong configuration is 78',
  scene(async ({ folder, start }) => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { readonly port: number }
    try {
      const taken = start({ env: { HOLDFAST_LISTEN_PORT: String(port) } })
      const { code, errors } = await taken.ended
      assert.equal(code, 75)
      assert.match(errors, new RegExp(`port ${port}`))
      assert.deepEqual([taken.lines.at(-1)!.event, taken.lines.at(-1)!['code']], ['start-failed', 'EADDRINUSE'])
    } finally {
      other.close()
    }
    writeFileSync(join(folder, 'file'), '')
    const noFolder = start({ dataDir: join(folder, 'file', 'data') })
    assert.equal((await noFolder.ended).code, 74)
    assert.equal(noFolder.lines.at(-1)!['code'], 'ENOTDIR')
    mkdirSync(join(folder, 'odd', 'default.db'), { recursive: true })
    const noFile = start({ dataDir: join(folder, 'odd') })
    assert.equal((await noFile.ended).code, 74)
    assert.equal(noFile.lines.at(-1)!['code'], 'OUTBOX_UNAVAILABLE')
    const wrong = await start({ env: { HOLDFAST_REGION: 'mars' } }).ended
    assert.equal(wrong.code, 78)
    assert.match(wrong.errors, /HOLDFAST_REGION/)
    const remote = await start({ flags: ['--listen-host', '0.0.0.0'] }).ended
    assert.equal(remote.code, 78)
  }),
)
