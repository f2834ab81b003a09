/** All metrics. Prometheus' text and OpenTelemetry's instruments are both made from this table and from nothing else. */
import {
  attemptReasons,
  circuitCauses,
  circuitStates,
  connectionRefusals,
  deadReasons,
  endpoints,
  errorReasons,
  gateStates,
  healthStatuses,
  hintKinds,
  type LabelValues,
  outcomes,
  probeOutcomes,
  relayPhases,
  relayResults,
  relayStatuses,
  retryReasons,
  routes,
  statusClasses,
} from './labels.ts'
import type { Metric, Unit } from './metric.ts'

type Labels = Readonly<Record<string, LabelValues>>

const workspace: Labels = { workspace: 'named' }

/** From the call to the durable receipt, and of a request to the relay: from a memory outbox to a disk that is ill. */
const ACCEPT_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
/** From a batch that goes at once to the end of the campaign window. */
const DELAY_S = [0.1, 0.5, 1, 5, 30, 60, 300, 1_800, 3_600, 21_600, 86_400, 259_200]
const SEND_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const BATCH_OPS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
const BATCH_BYTES = [1_000, 5_000, 10_000, 50_000, 100_000, 200_000, 300_000, 400_000, 500_000]

function stored(kind: 'counter' | 'gauge', name: string, unit: Unit, help: string, labels: Labels = {}): Metric {
  return {
    name: `holdfast.${name}`,
    kind,
    unit,
    labels: { ...workspace, ...labels },
    help,
    source: 'store',
    buckets: [],
  }
}

/** Of a workspace, since the start of the process. */
function counted(name: string, unit: Unit, help: string, labels: Labels = {}): Metric {
  const all = { ...workspace, ...labels }
  return { name: `holdfast.${name}`, kind: 'counter', unit, labels: all, help, source: 'process', buckets: [] }
}

function now(name: string, unit: Unit, help: string, labels: Labels = workspace): Metric {
  return { name: `holdfast.${name}`, kind: 'gauge', unit, labels, help, source: 'process', buckets: [] }
}

function spread(name: string, unit: Unit, help: string, buckets: readonly number[], labels: Labels = {}): Metric {
  const all = { ...workspace, ...labels }
  return { name: `holdfast.${name}`, kind: 'histogram', unit, labels: all, help, source: 'process', buckets }
}

const account: readonly Metric[] = [
  stored('counter', 'ops.accepted', '{operation}', 'Operations stored durably; a duplicate is not accepted again'),
  stored('counter', 'ops.duplicates', '{operation}', 'Calls answered as a duplicate of a stored operation'),
  stored(
    'counter',
    'ops.settled',
    '{operation}',
    'Operations that have their end; a dead letter has it when it is dropped, purged or, after a replay, delivered',
    {
      outcome: new Set(['delivered', 'dropped', 'purged']),
    },
  ),
  stored(
    'counter',
    'ops.lost',
    '{operation}',
    'Accepted operations that are neither settled nor found in the store; must stay 0',
  ),
  stored(
    'gauge',
    'conservation.error',
    '{operation}',
    'Accepted minus delivered, dropped, purged, dead letters, waiting and lost, from the account of the store; must be 0',
  ),
  stored('gauge', 'dead_letters', '{operation}', 'Dead letters that nobody has replayed, dropped or purged', {
    reason: new Set(['expired', 'other']),
  }),
  stored('gauge', 'dead_letters.bytes', 'By', 'Size of the dead letters'),
  counted('ops.refused', '{operation}', 'Operations that a call could not store, by why', { reason: errorReasons }),
  counted('ops.dead_lettered', '{operation}', 'Operations that became dead letters, by why', { reason: deadReasons }),
  counted(
    'events.past_campaign_window',
    '{operation}',
    'Events settled when they were too old to trigger a campaign (72 hours)',
    {
      outcome: new Set(['delivered', 'dead_lettered']),
    },
  ),
  counted(
    'client.delivered_directly',
    '{operation}',
    'Calls delivered in mode direct without being stored; in none of the numbers of the store',
  ),
]

const queue: readonly Metric[] = [
  stored(
    'gauge',
    'queue.depth',
    '{operation}',
    'Operations without an end yet, by whether they are claimed for a request',
    {
      state: new Set(['waiting', 'in_flight']),
    },
  ),
  stored('gauge', 'queue.bytes', 'By', 'Size of the operations that wait'),
  stored('gauge', 'queue.capacity', 'By', 'Bound of the sizes of what waits and the dead letters together'),
  stored(
    'gauge',
    'queue.capacity.ops',
    '{operation}',
    'Bound of how many operations wait and are dead letters together',
  ),
  stored('gauge', 'queue.oldest_age', 's', 'Age of the oldest operation that waits; 0 when none does'),
  stored(
    'gauge',
    'campaign_window.remaining',
    's',
    'What is left of the tightest campaign window among the events that wait; absent when none waits',
  ),
  now('queue.spilled', '{operation}', 'Operations that wait beside the outbox, which was away when they came'),
  stored('gauge', 'lanes.blocked', '{lane}', 'Lanes (persons, objects) held back by a retry'),
  now('store.active', '{handle}', '1 when this process delivers from the outbox, 0 when another one does'),
  now(
    'store.handles',
    '{handle}',
    'Processes that deliver from the outbox, this one included; absent where one at a time does',
  ),
]

const delivery: readonly Metric[] = [
  spread('accept.duration', 's', 'From a call to its receipt, the durable commit included', ACCEPT_S),
  spread(
    'delivery.delay',
    's',
    'From the call to the written end of its operation, delivered or dead letter',
    DELAY_S,
    {
      endpoint: endpoints,
    },
  ),
  counted('send.requests', '{request}', 'Requests to Customer.io, by what came of them', {
    status_class: statusClasses,
    outcome: outcomes,
    reason: attemptReasons,
  }),
  spread(
    'send.duration',
    's',
    'Requests to Customer.io, from the first byte to the end of the answer or of waiting',
    SEND_S,
  ),
  now('send.in_flight', '{request}', 'Requests on their way to Customer.io'),
  spread('batch.ops', '{operation}', 'Operations of one request', BATCH_OPS),
  spread('batch.bytes', 'By', 'Size of the body of one request', BATCH_BYTES),
  counted('retries', '{operation}', 'Operations that go again after an attempt, by why', { reason: retryReasons }),
  counted('bisects', '{batch}', 'Refused batches cut in two to find the operation at fault'),
  counted('leases.lapsed', '{operation}', 'Operations whose lease ended before they could be settled; they go again'),
  counted('lint.warnings', '{call}', 'Calls accepted although documented limits rule them out', {
    endpoint: endpoints,
  }),
  counted('probes', '{request}', 'Questions of health to Customer.io for the region of the account', {
    outcome: probeOutcomes,
  }),
]

const gate: readonly Metric[] = [
  now('health.status', '{status}', '1 for the word of health that holds now, 0 for the others', {
    ...workspace,
    status: healthStatuses,
  }),
  now('circuit.state', '{state}', '1 for what the gate to Customer.io is now, 0 for the others', {
    ...workspace,
    state: new Set([...gateStates].filter((word) => word !== 'other')),
  }),
  now('paused_for_all', '{pause}', '1 while delivery is paused for all that share the outbox, else 0'),
  counted('circuit.transitions', '{transition}', 'Changes of the circuit', {
    from: circuitStates,
    to: circuitStates,
    cause: circuitCauses,
  }),
  counted('parks', '{transition}', 'Times that delivery was parked for a person to mend something, by why', {
    reason: new Set(['credentials', 'mostly-rejected', 'other']),
  }),
  now('limiter.rate', '{request}', 'Requests a second that the rate limiter allows now'),
  counted('limiter.throttled', 's', 'Time in which nothing may be sent because Customer.io asked to slow down'),
  counted('hints', '{hint}', 'What other processes said of Customer.io and this one heeded, by what they said', {
    reason: hintKinds,
  }),
]

const store: readonly Metric[] = [
  counted('store.errors', '{error}', 'Failures of the outbox while delivering', {
    during: new Set(['claim', 'renew', 'settle', 'stats', 'other']),
    reason: errorReasons,
  }),
  counted(
    'store.corrupt_records',
    '{operation}',
    'Stored operations that did not match their checksum; each is a dead letter with its bytes kept',
  ),
  counted('store.spills', '{transition}', 'Times that the outbox went away and calls began to be stored beside it'),
  now(
    'store.risks',
    '{risk}',
    'What the server of the outbox is not safe against as it is configured; absent without a server',
  ),
  counted('store.quarantines', '{file}', 'Damaged stores set aside with what could be read taken over'),
]

const relay: readonly Metric[] = [
  counted('relay.requests', '{request}', 'Requests that the relay answered', {
    route: routes,
    status: relayStatuses,
    result: relayResults,
  }),
  spread('relay.request.duration', 's', 'From the request to the answer of the relay', ACCEPT_S, { route: routes }),
  counted('relay.received', 'By', 'Bodies of the requests that the relay answered'),
  now('relay.connections', '{connection}', 'Open connections', {}),
  {
    ...counted('relay.connections.refused', '{connection}', 'Connections turned away or ended by the relay, by why'),
    labels: { reason: connectionRefusals },
  },
  now('relay.phase', '{phase}', '1 for the phase of the relay, 0 for the others', {
    phase: new Set([...relayPhases].filter((word) => word !== 'other')),
  }),
]

const ownProcess: readonly Metric[] = [
  now('event_loop.lag', 's', 'The longest that a timer came late in the last 10 seconds', {}),
  now('process.resident_memory', 'By', 'Resident memory of the process', {}),
  now('start_time', 's', 'When the process began to measure, in seconds since 1970', {}),
  now('build_info', '{build}', '1, with the version as its label', { version: 'named' }),
  now('config.last_reload_successful', '{reload}', '1 when the newest load of the configuration was good, else 0', {}),
  now(
    'config.last_reload_success_timestamp',
    's',
    'When a configuration was last loaded well, in seconds since 1970',
    {},
  ),
  counted(
    'scrape.errors',
    '{scrape}',
    'Times that a workspace did not give its numbers within a second; the last known ones were shown',
  ),
]

/** In the order in which they are shown. */
export const METRICS: readonly Metric[] = [
  ...account,
  ...queue,
  ...delivery,
  ...gate,
  ...store,
  ...relay,
  ...ownProcess,
]
