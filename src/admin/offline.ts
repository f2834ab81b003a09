/**
 * A stopped relay through what keeps its operations, files and servers: what `AdminClient` can do without anybody to ask.
 * It only looks, but for replays, drops and pauses; it never delivers. What needs a relay that runs is refused.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import type { Stats } from '../client/reports.ts'
import { codeOf } from '../errors.ts'
import { healthOf } from '../observe/health.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { AdminError, notRunning } from './admin-error.ts'
import type { AdminClient, AdminStatus, AuditEntry, Verdict, WorkspaceStatus } from './contract.ts'
import { createDesk, unknownWorkspace } from './desk.ts'
import { pauseNoteOf, readPause } from './pauses.ts'
import { stoppedFile } from './stopped-file.ts'
import { stoppedStore, type StoreOfWorkspace } from './stopped-store.ts'
import type { StoppedWorkspace } from './stopped.ts'
import { stoppedVerdict } from './verdict.ts'

export interface OfflineOptions {
  /** The folder with the outboxes, one `<workspace>.db` each. */
  readonly dataDir: string
  /** Workspaces whose outbox is on a server. @defaultValue none */
  readonly stores?: readonly StoreOfWorkspace[]
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
  const { dataDir, stores = [], version, runtime, audit = () => {} } = options
  const workspaces = new Map<string, StoppedWorkspace>()
  for (const name of outboxesIn(dataDir)) workspaces.set(name, stoppedFile(join(dataDir, name + ENDING), runtime))
  // Of one that has moved to a server, what the file still holds is said by `holdfast doctor`.
  for (const store of stores) workspaces.set(store.name, stoppedStore(store, runtime))
  for (const name of workspaces.keys()) {
    if (options.workspace !== undefined && name !== options.workspace) workspaces.delete(name)
  }
  if (workspaces.size === 0) throw new AdminError('unreachable', `there is no outbox in ${dataDir}`)
  const names = [...workspaces.keys()].sort()
  const isShared = (name: string): boolean => workspaces.get(name)?.isShared === true
  const desk = createDesk({
    workspaces: () => workspaces,
    dataDir,
    isShared,
    who: 'offline',
    clock: runtime.clock,
    audit,
  })
  return {
    source: dataDir,
    isOffline: true,
    about: () => Promise.resolve({ version, phase: 'stopped', workspaces: names }),
    status: () => statusOf(names, workspaces, options),
    queue: (workspace, ask = {}) => desk.queue(workspace, ask),
    dead: (workspace, ask = {}) => desk.dead(workspace, ask),
    deadGroups: (workspace) => desk.deadGroups(workspace),
    resolveDead: (workspace, how, command) => desk.resolveDead(workspace, how, command),
    purge: (workspace, command) => desk.purge(workspace, command),
    pause: async (workspace, reason) => desk.pause(workspace, reason),
    resume: async (workspace, reason) => desk.resume(workspace, reason),
    async drain(name, timeoutMs) {
      const workspace = workspaces.get(name)
      if (workspace === undefined) throw unknownWorkspace(name, names)
      return workspace.drain(timeoutMs)
    },
    probe: notRunning,
    reload: notRunning,
    config: notRunning,
    // Rejects at its first item, as a connection that cannot be made does.
    events: () => ({ [Symbol.asyncIterator]: () => ({ next: notRunning }) }),
    async close() {
      await Promise.all(Array.from(workspaces.values(), (workspace) => workspace.close()))
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

async function statusOf(
  names: readonly string[],
  workspaces: ReadonlyMap<string, StoppedWorkspace>,
  options: OfflineOptions,
): Promise<AdminStatus> {
  const { dataDir, version, runtime } = options
  const found = await Promise.all(
    names.map(async (name) => {
      const workspace = workspaces.get(name)!
      const owned = await workspace.isOwned()
      return { owned, isShared: workspace.isShared, status: await statusOfOne(name, workspace, owned, options) }
    }),
  )
  const all = found.map(({ status }) => status)
  const openElsewhere = found.filter(({ owned }) => owned).map(({ status }) => status.name)
  const shared = found.filter(({ isShared }) => isShared).map(({ status }) => status.name)
  return {
    verdict: verdictOfAll(all, openElsewhere, shared),
    offline: { dataDir, openElsewhere, shared },
    version,
    phase: 'stopped',
    startedAtMs: null,
    uptimeMs: null,
    atMs: runtime.clock.wallMs(),
    workspaces: all,
  }
}

async function statusOfOne(
  name: string,
  workspace: StoppedWorkspace,
  owned: boolean,
  { dataDir, runtime }: OfflineOptions,
): Promise<WorkspaceStatus> {
  const stats = await workspace.stats().catch((error: unknown) => error)
  const isRead = !(stats instanceof Error)
  const forAll = isRead ? (stats as Stats).pausedForAll : null
  const pause = forAll === null ? (readPause(dataDir, name) ?? null) : pauseNoteOf(forAll)
  const outbox = isRead ? { ...(stats as Stats), paused: pause !== null } : null
  const health = healthOf({
    phase: 'closing',
    storeErrorCode: isRead ? null : codeOf(stats),
    outbox,
    circuitState: 'closed',
    cooldownMs: 0,
    paused: pause !== null,
    pausedForAll: forAll,
    parked: null,
    rate: 0,
    handles: null,
    store: workspace.store(),
    spilling: null,
    latency: null,
    lastSuccess: null,
    lastFailure: null,
    wallMs: runtime.clock.wallMs(),
    probe: null,
  })
  const since = { circuitAtMs: null, parkedAtMs: null, pausedAtMs: pause?.atMs ?? null }
  const status = { name, health, stats: outbox, pause, since, traffic: null, lastError: null }
  return { ...status, verdict: verdictOfAll([status], owned ? [name] : [], workspace.isShared ? [name] : []) }
}

function verdictOfAll(
  all: readonly Pick<WorkspaceStatus, 'name' | 'health' | 'stats'>[],
  openElsewhere: readonly string[],
  shared: readonly string[],
): Verdict {
  return stoppedVerdict({
    waiting: all.reduce((sum, { health, stats }) => sum + health.queueDepth + (stats?.spilled ?? 0), 0),
    lost: all.reduce((sum, { stats }) => sum + (stats?.lost ?? 0), 0),
    openElsewhere,
    shared,
    unreadable: all.filter(({ stats }) => stats === null).map(({ name }) => name),
  })
}
