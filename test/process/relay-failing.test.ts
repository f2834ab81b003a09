/** What goes wrong in the relay's own process: nobody reads its log, an error that nobody catches. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { until } from '../until.ts'
import { asked, scene } from './relay-scene.ts'

test(
  'a log that nobody reads any more fails no request, no delivery and no end',
  scene(async ({ start, simulator, caller }) => {
    const relay = start({ env: { HOLDFAST_LOG_LEVEL: 'debug' } })
    const { url, opsUrl } = await relay.ready()
    relay.closeLog()
    for (let count = 0; count < 50; count++) {
      assert.equal((await caller.track(url, `p-${count}`, 'called')).status, 200)
    }
    await until(() => simulator.ledger.count({ type: 'event', applied: true }) === 50)
    assert.equal((await asked(`${opsUrl}/readyz`)).status, 200)
    relay.signal('SIGTERM')
    assert.equal((await relay.ended).code, 0)
  }),
)

/** Throws at a signal that the relay does not use, with a payload in the message as `JSON.parse` has it. */
const THROWS = `data:text/javascript,${encodeURIComponent(
  "process.on('SIGWINCH', () => { throw Object.assign(new TypeError('ada@example.com'), { code: 'E_TEST' }) })",
)}`

test(
  'an error that nobody caught is one line without its message, ends the process with 1, and loses nothing that was answered',
  scene(async ({ start, simulator, caller }) => {
    simulator.down('unavailable')
    const relay = start({ env: { NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import=${THROWS}` } })
    const { url } = await relay.ready()
    assert.equal((await caller.track(url, '1', 'kept')).status, 200)
    relay.signal('SIGWINCH')
    assert.equal((await relay.ended).code, 1)
    const crashed = relay.lines.find(({ event }) => event === 'crashed')!
    assert.deepEqual([crashed['name'], crashed['code']], ['TypeError', 'E_TEST'])
    assert.ok(!JSON.stringify(relay.lines).includes('ada@'))
    simulator.up()
    await start().ready()
    await until(() => simulator.ledger.count({ name: 'kept', applied: true }) === 1)
  }),
)
