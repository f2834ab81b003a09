/** Every setting of a relay, once: what may be said, what holds if nothing is said, and what it is for. */
import { outboxSettings } from './outbox-settings.ts'
import type { AdminConfig, Credentials, LimitsConfig, RelayConfig, TlsConfig, WorkspaceConfig } from './relay-config.ts'
import {
  ages,
  boolean,
  choice,
  duration,
  host,
  list,
  optionalSection,
  orNone,
  path,
  positive,
  secret,
  section,
  size,
  text,
  url,
  whole,
  type Section,
  type Setting,
  type Shape,
} from './setting.ts'

const SECOND = 1_000
const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 86_400_000
const KIB = 1_024
const MIB = 1_048_576

function port(about: string, initial: number): Setting<number> {
  return whole({ about, initial, min: 0, max: 65_535, change: 'restart' })
}

const tls: Section<TlsConfig> = optionalSection('TLS for the applications. Off unless given.', {
  certFile: path({ about: 'PEM file of the certificate and its chain.', change: 'reload' }),
  keyFile: path({ about: "PEM file of the certificate's private key.", change: 'reload' }),
  caFile: orNone(
    path({ about: 'PEM file of the authorities whose client certificates are trusted.', change: 'reload' }),
  ),
  requireClientCert: boolean({
    about: 'Turn away connections without a certificate of such an authority.',
    initial: false,
    change: 'restart',
  }),
})

const admin: Section<AdminConfig> = section('The API for operators and the CLI, always on the loopback address.', {
  enabled: boolean({ about: 'Whether there is an admin API.', initial: true, change: 'restart' }),
  port: port('Port of the admin API; 0: one that is free.', 8485),
  token: orNone(
    secret({ about: 'What callers of the admin API must show. Made by the relay unless given.', change: 'restart' }),
  ),
})

const limits: Section<LimitsConfig> = section('What one request and one connection may cost.', {
  bodyBytesMax: size({
    about: 'Body of a request, also after decompression.',
    initial: '2MB',
    min: KIB,
    max: 64 * MIB,
    change: 'restart',
  }),
  headerBytesMax: size({
    about: 'All headers of a request.',
    initial: '16KiB',
    min: KIB,
    max: MIB,
    change: 'restart',
  }),
  headersTimeout: duration({
    about: 'From the first byte of a request to the end of its headers.',
    initial: '10s',
    min: SECOND,
    max: HOUR,
    change: 'restart',
  }),
  requestTimeout: duration({
    about: 'From the first byte of a request to the end of its body.',
    initial: '30s',
    min: SECOND,
    max: HOUR,
    change: 'restart',
  }),
  idleTimeout: duration({
    about: 'How long a connection may rest between two requests. Longer than that of a load balancer before it.',
    initial: '120s',
    min: SECOND,
    max: HOUR,
    change: 'restart',
  }),
  connectionsMax: whole({
    about: 'Connections at the same time; more are turned away.',
    initial: 20_000,
    min: 1,
    max: 1_000_000,
    change: 'restart',
  }),
  inFlightMax: whole({
    about: 'Requests at the same time; more are told to come again.',
    initial: 1_000,
    min: 1,
    max: 1_000_000,
    change: 'restart',
  }),
})

export const relaySettings: Shape<Omit<RelayConfig, 'workspaces'>> = {
  listen: section('Where applications reach the relay.', {
    host: host({ about: 'Address to listen on.', initial: '127.0.0.1', change: 'restart' }),
    port: port('Port to listen on; 0: one that is free.', 8484),
    allowRemote: boolean({
      about: 'Allow a `host` that other machines can reach.',
      initial: false,
      change: 'restart',
    }),
    tls,
  }),
  ops: optionalSection('Health and metrics on a port of their own as well, without credentials. Off unless given.', {
    host: host({ about: 'Address to listen on.', initial: '127.0.0.1', change: 'restart' }),
    port: port('Port to listen on; 0: one that is free.', 8486),
  }),
  admin,
  limits,
  dataDir: path({
    about: 'Folder of the outboxes, one file `<workspace>.db` each, and of what is spilled. Must outlive the process.',
    initial: 'holdfast-data',
    change: 'restart',
  }),
  shutdownTimeout: duration({
    about: 'From SIGTERM to the end. Shorter than the time after which the process is killed.',
    initial: '25s',
    min: 0,
    max: HOUR,
    change: 'reload',
  }),
  readinessDelay: duration({
    about: 'How long requests are still taken after SIGTERM while `/readyz` says 503 already.',
    initial: '0s',
    min: 0,
    max: 10 * MINUTE,
    change: 'reload',
  }),
  log: section('The log, on stdout.', {
    level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      about: 'The least grave lines that are written.',
      initial: 'info',
      change: 'reload',
    }),
  }),
  openTelemetry: boolean({
    about: 'Metrics and traces through `@opentelemetry/api` too, where it is installed.',
    initial: false,
    change: 'restart',
  }),
  metrics: section('The metrics for Prometheus.', {
    onIntake: boolean({
      about: 'Serve `/metrics` and the health routes on the port for applications too.',
      initial: true,
      change: 'restart',
    }),
  }),
  defaultWorkspace: orNone(
    text({
      about: 'Workspace of requests that carry no credentials.',
      pattern: /^[a-z0-9][a-z0-9-]{0,39}$/,
      allowed: 'the name of a workspace',
      change: 'restart',
    }),
  ),
}

/** A site id travels before a colon. */
const siteId = text({
  about: 'Site ID of the workspace.',
  pattern: /^[^:\p{Cc}]{1,1000}$/u,
  allowed: 'a text of 1 to 1000 characters without a colon',
  change: 'reload',
})

const apiKey = secret({ about: 'Track API key of the workspace.', change: 'reload' })

/** What differs from workspace to workspace by nature; the rest can be said for all under `defaults`. */
type Own = Pick<WorkspaceConfig, 'siteId' | 'apiKey' | 'inbound'>

const ownSettings: Shape<Own> = {
  siteId,
  apiKey,
  inbound: list<Credentials>(
    'What applications show to the relay, one or several. The credentials of the workspace unless given.',
    {
      siteId: { ...siteId, about: 'Site ID that an application shows.' },
      apiKey: { ...apiKey, about: 'API key that an application shows.' },
    },
  ),
}

function milliseconds(about: string, initial: string, min: number = 1): Setting<number> {
  return duration({ about, initial, min, max: HOUR, change: 'reload' })
}

const age: Setting<number> = duration({ about: '', min: 1, max: 365 * DAY, change: 'reload' })

export const sharedSettings: Shape<Omit<WorkspaceConfig, keyof Own>> = {
  region: choice(['us', 'eu'], { about: 'Where the workspace lives.', initial: 'us', change: 'reload' }),
  baseUrl: orNone(
    url({ about: "Another root than the region's: a simulator, a proxy, a second relay.", change: 'reload' }),
  ),
  outbox: section('Where operations wait.', outboxSettings),
  rateLimitPerSecond: positive({
    about: 'Requests to Customer.io per second, at most; fewer while it answers 429.',
    initial: 100,
    change: 'reload',
  }),
  concurrency: whole({
    about: 'Requests to Customer.io at the same time.',
    initial: 8,
    min: 1,
    max: 1_000,
    change: 'reload',
  }),
  batch: section('One request of several operations.', {
    operationsMax: whole({ about: 'Operations in one request.', initial: 100, min: 1, max: 1_000, change: 'reload' }),
    bytesMax: size({ about: 'Body of such a request.', initial: '475kB', min: 1, max: 475_000, change: 'reload' }),
  }),
  timeouts: section('How long something may take. Each is an attempt, not a delivery: what fails is tried again.', {
    call: milliseconds('One attempt of a single call.', '10s'),
    batch: milliseconds('One attempt of a batch.', '30s'),
    probe: milliseconds('One request that finds out how Customer.io is.', '3s'),
    close: milliseconds('Requests under way when the workspace is closed.', '10s', 0),
  }),
  retry: section('The wait before another attempt; doubles with each, with full jitter.', {
    base: duration({ about: 'First wait of a failed operation.', initial: '1s', min: 1, max: DAY, change: 'reload' }),
    cap: duration({ about: 'Longest wait of a failed operation.', initial: '1m', min: 1, max: DAY, change: 'reload' }),
  }),
  lint: choice(['reject', 'warn', 'off'], {
    about: "What to do with a call that Customer.io's documented limits rule out.",
    initial: 'reject',
    change: 'reload',
  }),
  dedupe: choice(['key', 'content'], {
    about: 'What makes two calls one: the same idempotency key, or also the same content.',
    initial: 'key',
    change: 'reload',
  }),
  personIdentifier: choice(['auto', 'id', 'email'], {
    about: 'What a customer id is in this workspace.',
    initial: 'auto',
    change: 'reload',
  }),
  maxAge: orNone(
    ages({
      about: 'Operations that waited longer become dead letters instead of being sent. None unless given.',
      each: age,
      change: 'reload',
    }),
  ),
  afterCampaignWindow: choice(['deliver', 'dead-letter'], {
    about: 'What to do with events that are too old to trigger a campaign (72 hours).',
    initial: 'deliver',
    change: 'reload',
  }),
}

export const workspaceSettings: Shape<WorkspaceConfig> = { ...ownSettings, ...sharedSettings }

/** Of a workspace. Part of a file's name and of names in the environment. */
export const WORKSPACE_NAME: RegExp = /^[a-z0-9][a-z0-9-]{0,39}$/
