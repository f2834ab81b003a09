/**
 * Everything that can be said about a relay, decided: defaults, file, environment and flags are laid over one another,
 * times are milliseconds, sizes are bytes, secrets are read. A key of the file has the same name; a time is written
 * there with its unit instead of `Ms` (`shutdownTimeout: 25s`).
 */
export interface RelayConfig {
  readonly listen: ListenConfig
  /** Health and metrics on a listener of their own as well. */
  readonly ops: OpsConfig | null
  readonly admin: AdminConfig
  readonly limits: LimitsConfig
  /** The folder of the outboxes: `<dataDir>/<workspace>.db`. */
  readonly dataDir: string
  readonly shutdownTimeoutMs: number
  readonly readinessDelayMs: number
  readonly log: { readonly level: LogLevel }
  readonly openTelemetry: boolean
  readonly metrics: { readonly onIntake: boolean }
  /** Who gets a request without credentials of its own; `null`: nobody. */
  readonly defaultWorkspace: string | null
  /** By name. What stood under `defaults` is laid under each. */
  readonly workspaces: Readonly<Record<string, WorkspaceConfig>>
}

export interface ListenConfig {
  readonly host: string
  readonly port: number
  readonly allowRemote: boolean
  readonly tls: TlsConfig | null
}

/** Paths of PEM files. `readTlsFiles` reads and checks them. */
export interface TlsConfig {
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string | null
  readonly requireClientCert: boolean
}

export interface OpsConfig {
  readonly host: string
  readonly port: number
}

/** Always on the loopback address. */
export interface AdminConfig {
  readonly enabled: boolean
  readonly port: number
  /** `null`: none was given. Read from `tokenFile` where that was given. */
  readonly token: string | null
}

export interface LimitsConfig {
  readonly bodyBytesMax: number
  readonly headerBytesMax: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Between two requests of a connection. */
  readonly idleTimeoutMs: number
  readonly connectionsMax: number
  readonly inFlightMax: number
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface Credentials {
  readonly siteId: string
  readonly apiKey: string
}

export const OUTBOX_KINDS = ['sqlite', 'bullmq', 'postgres'] as const

export type OutboxKind = (typeof OUTBOX_KINDS)[number]

/** What another kind alone takes is `null`, as is what was not said and has its default in the outbox itself. */
export interface OutboxConfig {
  readonly kind: OutboxKind
  /** Never `null` for a kind that has a server. Holds a password. */
  readonly url: string | null
  readonly prefix: string | null
  readonly schema: string | null
  readonly listen: boolean | null
  readonly requireDurability: boolean | null
  /** Of a command or a statement. */
  readonly timeoutMs: number | null
  readonly maxBytes: number
  readonly maxOperations: number
  readonly durability: 'power' | 'os'
  readonly spill: SpillConfig
}

export interface SpillConfig {
  readonly enabled: boolean | null
  readonly path: string | null
  readonly onOutage: 'hold' | 'deliver' | null
  readonly deliverAfterMs: number | null
  readonly maxBytes: number | null
}

export interface WorkspaceConfig {
  readonly siteId: string
  readonly apiKey: string
  readonly region: 'us' | 'eu'
  readonly baseUrl: string | null
  /** What applications may show to the relay. Never empty: the workspace's own credentials, if nothing else was said. */
  readonly inbound: readonly Credentials[]
  readonly outbox: OutboxConfig
  readonly rateLimitPerSecond: number
  readonly concurrency: number
  readonly batch: { readonly operationsMax: number; readonly bytesMax: number }
  readonly timeouts: {
    readonly callMs: number
    readonly batchMs: number
    readonly probeMs: number
    readonly closeMs: number
  }
  readonly retry: { readonly baseMs: number; readonly capMs: number }
  readonly lint: 'reject' | 'warn' | 'off'
  readonly dedupe: 'key' | 'content'
  readonly personIdentifier: 'auto' | 'id' | 'email'
  /** For all operations, or by kind of call; `null`: none is ever too old. */
  readonly maxAge: MaxAge | null
  readonly afterCampaignWindow: 'deliver' | 'dead-letter'
}

/** In milliseconds. */
export type MaxAge = number | Readonly<Partial<Record<CallKind, number>>>

/** The kinds of call that Customer.io knows. */
export const CALL_KINDS = [
  'identify',
  'delete',
  'suppress',
  'unsuppress',
  'event',
  'add_device',
  'delete_device',
  'merge',
  'add_relationships',
  'delete_relationships',
  'object',
  'push',
  'metric',
  'segment',
  'form',
  'unsubscribe',
] as const

export type CallKind = (typeof CALL_KINDS)[number]

/** Where a value came from: `relay.yaml:3:9`, `HOLDFAST_REGION`, `--listen-port`, the path of a secret's file. */
export interface Origin {
  readonly source: 'default' | 'file' | 'env' | 'flag' | 'secret-file'
  readonly where: string
}

export interface LoadedConfig {
  readonly config: RelayConfig
  /** By the path of the file's notation: `listen.port`, `workspaces.shop.timeouts.call`. */
  readonly origins: Readonly<Record<string, Origin>>
  /** What is allowed and should not be, one sentence each. */
  readonly warnings: readonly string[]
  /** The absolute path of the file that was read. */
  readonly file: string | null
}
