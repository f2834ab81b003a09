// The built package as a user meets it: imported by its name, its worker from dist, delivering to its own simulator.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { ResilientCustomerIO, sqliteOutbox } from 'holdfast'
import { CircuitBreaker } from 'holdfast/resilience'
import { createSimulator } from 'holdfast/simulator'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-smoke-'))
const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
const server = await simulator.listen()
const cio = new ResilientCustomerIO({
  siteId: 'site',
  apiKey: 'key',
  baseUrl: server.url,
  outbox: sqliteOutbox({ path: join(folder, 'outbox.db') }),
})
const receipt = await cio.track('42', 'smoke', { total: 12 })
const settled = await receipt.settled()
await cio.close()
await server.close()
rmSync(folder, { recursive: true })
const arrived = simulator.ledger.count({ person: '42', name: 'smoke' })
if (settled.state !== 'delivered' || arrived !== 1) {
  console.error(`smoke: ${settled.state}, arrived ${arrived} times`)
  process.exit(1)
}
const breaker = new CircuitBreaker({ failureThreshold: 1 })
const down = () => Promise.reject(new Error('down'))
const results = [await breaker.tryExecute(down), await breaker.tryExecute(down)].map(
  (result) => result.ok || result.reason,
)
if (results.join() !== 'failed,open' || breaker.getState() !== 'OPEN') {
  console.error(`smoke: the circuit breaker is ${breaker.state} after ${results.join()}`)
  process.exit(1)
}
console.log('smoke: the built package stores and delivers')
