/**
 * `holdfast/simulator`: a fake Customer.io for tests, as a fetch function and as an HTTP server.
 *
 * @example
 * ```ts
 * import { createSimulator } from 'holdfast/simulator'
 *
 * test('an order survives an outage', async () => {
 *   const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
 *   await using server = await simulator.listen()
 *   const cio = new TrackClient('site', 'key', { url: `${server.url}/api/v1`, retry: { maxRetries: 3 } })
 *
 *   const fault = simulator.faults.add({ kind: 'status', status: 502, times: 2 })
 *   await cio.track('42', { name: 'order', data: { total: 12 } })
 *
 *   assert.equal(fault.struck, 2)
 *   assert.equal(simulator.ledger.count({ person: '42', name: 'order', applied: true }), 1)
 *   assert.deepEqual(simulator.workspace.person('42')?.events[0]?.data, { total: 12 })
 * })
 * ```
 */
export { createSimulator } from './simulator.ts'
export type { Outage, Simulator } from './simulator.ts'
export { SIMULATOR_DEFAULTS } from './options.ts'
export type { ChangeableOptions, RateLimit, SimulatorOptions } from './options.ts'
export type { LatencyMs } from './latency.ts'
export type { SimulatorServer } from './serve.ts'
export type {
  ArrivingRequest,
  Fault,
  FaultHandle,
  FaultScope,
  HalfResponseFault,
  ItemsFault,
  LatencyFault,
  PoisonFault,
  RedirectFault,
  RefusedFault,
  ResetFault,
  StatusFault,
  TimeoutFault,
} from './faults.ts'
export type { Fate, LedgerEntry, LedgerFilter, RequestRecord, RouteName } from './ledger.ts'
export type { FormSubmission, Ignored, MetricRecord, UnsubscribeRecord } from './state.ts'
export type { ObjectView } from './objects.ts'
export type { DeviceRecord, EventRecord, PersonView } from './person.ts'
