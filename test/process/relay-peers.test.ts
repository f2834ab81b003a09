/** Without the packages of a server's client: a relay on a file needs none of them, one on a server says what to install. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { until } from '../until.ts'
import { scene } from './relay-scene.ts'

/** As where nobody has installed them. */
const NOT_INSTALLED = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module'
registerHooks({
  resolve(specifier, context, next) {
    if (!/^(bullmq|ioredis|pg)(\\/|$)/.test(specifier)) return next(specifier, context)
    throw Object.assign(new Error('Cannot find package ' + specifier), { code: 'ERR_MODULE_NOT_FOUND' })
  },
})
`)}`
const NODE_OPTIONS = `--disable-warning=ExperimentalWarning --import=${NOT_INSTALLED}`

test(
  'a relay on a file needs no package of a server',
  scene(async ({ start, simulator, caller }) => {
    const relay = start({ env: { NODE_OPTIONS } })
    const { url } = await relay.ready()
    assert.equal((await caller.track(url, 'p', 'called')).status, 200)
    await until(() => simulator.ledger.count({ name: 'called', applied: true }) === 1)
  }),
)

for (const [kind, url, missing] of [
  ['bullmq', 'redis://127.0.0.1:1', /ioredis|bullmq/],
  ['postgres', 'postgres://127.0.0.1:1/app', /pg/],
] as const) {
  test(
    `a relay on ${kind} without its package ends with 78 and says which to install`,
    scene(async ({ start }) => {
      const outbox = { HOLDFAST_DEFAULTS_OUTBOX_KIND: kind, HOLDFAST_DEFAULTS_OUTBOX_URL: url }
      const relay = start({ env: { NODE_OPTIONS, ...outbox } })
      const { code, errors } = await Promise.race([
        relay.ended,
        relay.saw('started').then(() => assert.fail('it started')),
      ])
      assert.equal(code, 78, errors)
      assert.match(errors, /INVALID_OPTIONS/)
      assert.match(errors, missing)
      assert.match(errors, /install/)
    }),
  )
}
