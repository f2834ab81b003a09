/**
 * A stopped relay through its files: what `AdminClient` can do without anybody to ask. It only looks, but for replays,
 * drops and pauses; it never delivers. What needs a relay that runs is refused.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { createDeadLetters } from '../client/dead-letters.ts'
import { createQueue } from '../client/queue.ts'
import type { Stats } from '../client/reports.ts'
import { OutboxError } from '../errors.ts'
import { healthOf } from '../observe/health.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { sqliteOutbox } from '../outbox/sqlite.ts'
import { type OutboxFileReader, readOutboxFile } from '../outbox/sqlite/read-file.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { AdminError } from './admin-error.ts'
import type { AdminClient, AdminStatus, AuditEntry, Verdict, WorkspaceStatus } from './contract.ts'
import { createDesk, type DeskWorkspace } from './desk.ts'
import { readPause } from './pauses.ts'
import { stoppedVerdict } from './verdict.ts'

export interface OfflineOptions {
  /** The folder with the outboxes, one `<workspace>.db` each. */
  readonly dataDir: string
  /** This one alone. @defaultValue all */
  readonly workspace?: string
  readonly version: string
  readonly runtime: Runtime
  /** Told of every act. */
  readonly audit?: (entry: AuditEntry) => void
}

const ENDING = '.db'

/**
 * Opens the outboxes of a stopped relay, to look at them. Makes no file.
 * @throws AdminError `unreachable` where there is no outbox
 * @example `const stopped = openOffline({ dataDir: 'holdfast-data', version, runtime })`
 */
export function openOffline(options: OfflineOptions): AdminClient {
  const { dataDir, version, runtime, audit = () => {} } = options
  const names = outboxesIn(dataDir).filter((name) => options.workspace === undefined || name === options.workspace)
  if (names.length === 0) throw new AdminError('unreachable', `there is no outbox in ${dataDir}`)
  const files = new Map(names.map((name) => [name, openFile(join(dataDir, name + ENDING), runtime)]))
  const desk = createDesk({ workspaces: () => files, dataDir, who: 'offline', clock: runtime.clock, audit })
  return {
    source: dataDir,
    isOffline: true,
    about: () => Promise.resolve({ version, phase: 'stopped', workspaces: names }),
    status: () => statusOf(files, options),
    queue: (workspace, ask = {}) => desk.queue(workspace, ask),
    dead: (workspace, ask = {}) => desk.dead(workspace, ask),
    deadGroups: (workspace) => desk.deadGroups(workspace),
    resolveDead: (workspace, how, command) => desk.resolveDead(workspace, how, command),
    pause: async (workspace, reason) => desk.pause(workspace, reason),
    resume: async (workspace, reason) => desk.resume(workspace, reason),
    drain: notRunning,
    probe: notRunning,
    reload: notRunning,
    config: notRunning,
    // Rejects at its first item, as a connection that cannot be made does.
    events: () => ({ [Symbol.asyncIterator]: () => ({ next: notRunning }) }),
    async close() {
      for (const file of files.values()) file.close()
    },
  }
}

/** Names of the workspaces that have an outbox in a folder. */
export function outboxesIn(dataDir: string): readonly string[] {
  if (!existsSync(dataDir)) return []
  return readdirSync(dataDir)
    .filter((name) => name.endsWith(ENDING) && name.length > ENDING.length)
    .map((name) => name.slice(0, -ENDING.length))
    .sort()
}

function notRunning(): Promise<never> {
  return Promise.reject(new AdminError('not-running', 'this needs a relay that runs, and none answers'))
}

interface File extends DeskWorkspace {
  open(): OutboxFileReader
  close(): void
}

/** Opened when it is first asked for, so that a damaged one does not hide the others. */
function openFile(path: string, runtime: Runtime): File {
  let reader: OutboxFileReader | undefined
  const open = (): OutboxFileReader => (reader ??= readOutboxFile(path, runtime))
  const looking: Pick<Outbox, 'list'> = { list: async (query) => open().list(query) }
  const acting: Pick<Outbox, 'list' | 'resolveDead'> = {
    ...looking,
    async resolveDead(selection, how) {
      // A handle, as of another process: it may act, and gives everything back at once. It claims nothing.
      const openHandle = sqliteOutbox({ path, onDamage: 'refuse', reserveBytes: 0 })
      const outbox = await openHandle({ runtime, workspace: open().workspace, notice: () => {} })
      try {
        return await outbox.resolveDead(selection, how)
      } finally {
        await outbox.close()
      }
    },
  }
  return {
    open,
    queue: createQueue(async () => looking),
    deadLetters: createDeadLetters(
      async () => acting,
      () => {},
    ),
    stats: async () => statsOf(await open().stats(), false),
    pause: () => {},
    resume: () => {},
    close: () => reader?.close(),
  }
}

async function statusOf(files: ReadonlyMap<string, File>, options: OfflineOptions): Promise<AdminStatus> {
  const { dataDir, version, runtime } = options
  const found = await Promise.all(
    [...files].map(async ([name, file]) => {
      const owned = await isOwned(file)
      return { owned, status: await statusOfFile(name, file, owned, options) }
    }),
  )
  const workspaces = found.map(({ status }) => status)
  const openElsewhere = found.filter(({ owned }) => owned).map(({ status }) => status.name)
  return {
    verdict: verdictOfAll(workspaces, openElsewhere),
    offline: { dataDir, openElsewhere },
    version,
    phase: 'stopped',
    startedAtMs: null,
    uptimeMs: null,
    atMs: runtime.clock.wallMs(),
    workspaces,
  }
}

async function isOwned(file: File): Promise<boolean> {
  try {
    return await file.open().isOwned()
  } catch {
    // What is wrong with the file shows in its status.
    return false
  }
}

async function statusOfFile(
  name: string,
  file: File,
  owned: boolean,
  { dataDir, runtime }: OfflineOptions,
): Promise<WorkspaceStatus> {
  const pause = readPause(dataDir, name) ?? null
  const stats = await file.stats().catch((error: unknown) => error)
  const isRead = !(stats instanceof Error)
  const outbox = isRead ? { ...(stats as Stats), paused: pause !== null } : null
  const health = healthOf({
    phase: 'closing',
    storeErrorCode: stats instanceof OutboxError ? stats.code : isRead ? null : 'UNKNOWN',
    outbox,
    circuitState: 'closed',
    cooldownMs: 0,
    paused: pause !== null,
    pausedForAll: null,
    parked: null,
    rate: 0,
    handles: null,
    store: null,
    spilling: null,
    latency: null,
    lastSuccess: null,
    lastFailure: null,
    wallMs: runtime.clock.wallMs(),
    probe: null,
  })
  const since = { circuitAtMs: null, parkedAtMs: null, pausedAtMs: pause?.atMs ?? null }
  const status = { name, health, stats: outbox, pause, since, traffic: null, lastError: null }
  return { ...status, verdict: verdictOfAll([status], owned ? [name] : []) }
}

function verdictOfAll(
  all: readonly Pick<WorkspaceStatus, 'name' | 'health' | 'stats'>[],
  openElsewhere: readonly string[],
): Verdict {
  return stoppedVerdict({
    waiting: all.reduce((sum, { health }) => sum + health.queueDepth, 0),
    lost: all.reduce((sum, { stats }) => sum + (stats?.lost ?? 0), 0),
    openElsewhere,
    unreadable: all.filter(({ stats }) => stats === null).map(({ name }) => name),
  })
}

function statsOf(stats: Awaited<ReturnType<OutboxFileReader['stats']>>, paused: boolean): Stats {
  return {
    ...stats,
    deliveredDirectly: 0,
    requestsInFlight: 0,
    circuitState: 'closed',
    perSecond: 0,
    paused,
    pausedForAll: null,
    parked: false,
    handles: null,
  }
}
