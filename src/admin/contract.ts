/**
 * What an operator can ask of a relay, and the answers: the types of the admin API's JSON. `AdminClient` is had over HTTP
 * from a relay that runs (`client.ts`), and from the files of one that is stopped (`offline.ts`).
 */
import type { HoldfastEvent } from '../observe/events.ts'
import type { Health, HealthStatus } from '../observe/health.ts'
import type { HealthProbe } from '../observe/probe.ts'
import type { RelayEvent, RelayPhase } from '../observe/relay-events.ts'
import type { DeadReason, Position } from '../outbox/outbox.ts'
import type { DrainReport, Stats } from '../client/reports.ts'
import type { JsonValue } from '../protocol/json.ts'
import type { Priority } from '../protocol/operation.ts'

/** Everything in one sentence of a fixed set. */
export interface Verdict {
  /** Stable word, for example `unreachable`. */
  readonly code: string
  readonly status: HealthStatus
  readonly text: string
}

/** Delivery is paused until somebody resumes it, also across restarts. */
export interface PauseNote {
  readonly who: string
  readonly why: string | null
  readonly atMs: number
}

/** Wall times since when something is so; null while it is not, or where it began before anybody looked. */
export interface Since {
  readonly circuitAtMs: number | null
  readonly parkedAtMs: number | null
  readonly pausedAtMs: number | null
}

/** Of the last minute. */
export interface Traffic {
  readonly acceptedPerSecond: number
  readonly deliveredPerSecond: number
  /** Dead letters that were made in it. */
  readonly died: number
  /** When nothing waits any more at this rate; null where it does not get less. */
  readonly currentInMs: number | null
}

/** The newest attempt that went wrong. */
export interface LastError {
  readonly atMs: number
  readonly status: number | null
  readonly reason: string | null
}

export interface WorkspaceStatus {
  readonly name: string
  readonly verdict: Verdict
  readonly health: Health
  /** Null when the outbox does not answer. */
  readonly stats: Stats | null
  readonly pause: PauseNote | null
  readonly since: Since
  readonly traffic: Traffic | null
  readonly lastError: LastError | null
}

export interface AdminStatus {
  readonly verdict: Verdict
  /** Null for an answer of a relay. */
  readonly offline: Offline | null
  readonly version: string
  readonly phase: RelayPhase | 'stopped'
  readonly startedAtMs: number | null
  readonly uptimeMs: number | null
  readonly atMs: number
  readonly workspaces: readonly WorkspaceStatus[]
}

/** The answer was read from files and servers, for no relay answers. */
export interface Offline {
  readonly dataDir: string
  /** Workspaces whose outbox some process has open all the same. */
  readonly openElsewhere: readonly string[]
  /** Workspaces whose outbox is on a server: other processes may deliver from it. */
  readonly shared: readonly string[]
}

export interface About {
  readonly version: string
  readonly phase: RelayPhase | 'stopped'
  readonly workspaces: readonly string[]
}

/** An operation as a request of the Track API. */
export interface ShownRequest {
  readonly method: string
  readonly path: string
  readonly body: JsonValue | null
}

export interface ShownOperation {
  readonly position: Position
  readonly id: string
  readonly type: string
  /** As named in the call; null where it names nobody. */
  readonly person: string | null
  /** Of an event. */
  readonly name: string | null
  readonly acceptedAtMs: number
  readonly attempts: number
  /** Null when what is stored cannot be read any more. */
  readonly request: ShownRequest | null
  /** Values of attributes and data are hidden; their keys are not. */
  readonly masked: boolean
}

export interface ShownWaiting extends ShownOperation {
  readonly priority: Priority
  readonly expiresAtMs: number | null
  readonly campaignAtMs: number | null
}

export interface ShownDead extends ShownOperation {
  readonly reason: DeadReason
  readonly status: number | null
  readonly field: string | null
  readonly message: string | null
  readonly diedAtMs: number
}

export interface QueueAsk {
  readonly person?: string
  readonly id?: string
  /** @defaultValue 'oldest-first' */
  readonly order?: 'oldest-first' | 'newest-first'
  readonly after?: Position
  /** 1 to 1,000. @defaultValue 100 */
  readonly limit?: number
  /** Show the values too. It is audited. @defaultValue false */
  readonly reveal?: boolean
}

export interface DeadAsk extends QueueAsk {
  readonly reason?: DeadReason
}

export interface QueuePage {
  readonly operations: readonly ShownWaiting[]
  /** For the next page; null on the last one. */
  readonly after: Position | null
}

export interface DeadPage {
  readonly deadLetters: readonly ShownDead[]
  readonly after: Position | null
}

/** Dead letters that died of the same. */
export interface DeadGroup {
  readonly type: string
  readonly reason: DeadReason
  readonly status: number | null
  readonly field: string | null
  readonly count: number
  /** Wall times of the first and the last death. */
  readonly firstAtMs: number
  readonly lastAtMs: number
  /** Id of one of them. */
  readonly sampleId: string
  /** In Customer.io's words, of that one. */
  readonly sampleMessage: string | null
}

export interface DeadGroups {
  /** The largest first. */
  readonly groups: readonly DeadGroup[]
  readonly scanned: number
  /** False when there are more than were looked through. */
  readonly complete: boolean
}

/** Which dead letters; all that match, where none are named. */
export interface DeadFilter {
  readonly type?: string
  readonly reason?: DeadReason
  readonly status?: number
  readonly field?: string
  readonly person?: string
}

export type DeadChoice =
  | { readonly positions: readonly Position[] }
  | { readonly all: true; readonly filter?: DeadFilter }

export interface ResolveCommand {
  readonly choice: DeadChoice
  /** What was seen in a preview; another number changes nothing. */
  readonly expectedCount?: number
  /** Only count. @defaultValue false */
  readonly dryRun?: boolean
  /** Why, for the audit. */
  readonly reason?: string
}

export interface ResolveReport {
  readonly matched: number
  /** 0 for a dry run. */
  readonly done: number
  readonly dryRun: boolean
}

export interface PurgeCommand {
  /** As named in the calls. */
  readonly person: string
  /** Only count. @defaultValue false */
  readonly dryRun?: boolean
  /** Why, for the audit. */
  readonly reason?: string
}

export interface PurgeReport {
  /** Waiting operations and dead letters. */
  readonly matched: number
  /** 0 for a dry run. */
  readonly done: number
  readonly dryRun: boolean
}

export interface PauseReport {
  readonly workspace: string
  readonly pause: PauseNote | null
  /** False when it was so already. */
  readonly changed: boolean
}

export type AdminAct = 'pause' | 'resume' | 'replay' | 'drop' | 'purge' | 'reveal' | 'reload'

/** Who did what, to how many, and why. Holds no payload and no person. */
export interface AuditEntry {
  readonly type: 'audit'
  readonly act: AdminAct
  readonly workspace: string | null
  readonly who: string
  readonly reason: string | null
  /** Operations that it touched; null where it is about none. */
  readonly count: number | null
}

/** One line of the stream of events. */
export type StreamItem =
  | {
      readonly kind: 'event'
      readonly sequence: number
      readonly atMs: number
      readonly workspace: string | null
      readonly event: HoldfastEvent | Exclude<RelayEvent, { readonly type: 'workspace' }> | AuditEntry
    }
  /** The reader was too slow: so many events are missing here. */
  | { readonly kind: 'gap'; readonly missed: number }

export interface EventFilter {
  readonly workspace?: string
  readonly types?: readonly string[]
}

export interface AdminClient {
  /** Where the answers come from: `http://127.0.0.1:8485`, or the folder of a stopped relay. */
  readonly source: string
  /** True when no relay answers and files are read instead. */
  readonly isOffline: boolean
  about(): Promise<About>
  status(): Promise<AdminStatus>
  queue(workspace: string, ask?: QueueAsk): Promise<QueuePage>
  dead(workspace: string, ask?: DeadAsk): Promise<DeadPage>
  deadGroups(workspace: string): Promise<DeadGroups>
  resolveDead(workspace: string, how: 'replay' | 'drop', command: ResolveCommand): Promise<ResolveReport>
  /** Everything of one person. */
  purge(workspace: string, command: PurgeCommand): Promise<PurgeReport>
  pause(workspace: string, reason: string | null): Promise<PauseReport>
  resume(workspace: string, reason: string | null): Promise<PauseReport>
  /** Waits until nothing waits, for `timeoutMs` or `DRAIN_MS_MAX`, whichever is less. */
  drain(workspace: string, timeoutMs: number): Promise<DrainReport>
  /** Ends with the signal; rejects when the connection breaks. */
  events(filter: EventFilter, signal: AbortSignal): AsyncIterable<StreamItem>
  probe(workspace: string): Promise<HealthProbe | null>
  reload(reason: string | null): Promise<JsonValue>
  config(): Promise<JsonValue>
  close(): Promise<void>
}

/** Of one request for a drain. */
export const DRAIN_MS_MAX = 30_000
/** Of one page. */
export const LIMIT_MAX = 1_000
/** Of one request that names dead letters. */
export const POSITIONS_MAX = 1_000
/** Characters of the reason of an act. */
export const REASON_CHARS_MAX = 500

export type { DrainReport }
