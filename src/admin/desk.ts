/**
 * What operators do, whatever way they come: over the admin API of a relay that runs, or on the files of one that is
 * stopped. Every act is told to the audit, with who, why and how many.
 */
import type { DeadLetterQuery } from '../client/dead-letters.ts'
import type { Clock } from '../runtime/clock.ts'
import { AdminError } from './admin-error.ts'
import type {
  AuditEntry,
  DeadAsk,
  DeadGroups,
  DeadPage,
  PauseNote,
  PauseReport,
  PurgeCommand,
  PurgeReport,
  QueueAsk,
  QueuePage,
  ResolveCommand,
  ResolveReport,
  ShownOperation,
} from './contract.ts'
import { groupsOf, resolveChosen } from './dead-scan.ts'
import { endPause, keepPause, pauseNoteOf, readPause } from './pauses.ts'
import { purgeOne } from './purge.ts'
import type { AdminWorkspace } from './relay.ts'
import { shownDead, shownWaiting } from './shown.ts'

/** Of the requests in one page: a page of very large operations is shorter than was asked for. */
const PAGE_CHARS_MAX = 8_000_000

export type DeskWorkspace = Pick<
  AdminWorkspace,
  'queue' | 'deadLetters' | 'pause' | 'resume' | 'pauseAll' | 'resumeAll' | 'purge' | 'stats'
>

export interface DeskParts {
  readonly workspaces: () => ReadonlyMap<string, DeskWorkspace>
  /** Where pauses of this process are kept. */
  readonly dataDir: string
  /** Whether the outbox of a workspace is on a server: it is paused for all processes then. */
  readonly isShared: (workspace: string) => boolean
  readonly who: string
  readonly clock: Clock
  readonly audit: (entry: AuditEntry) => void
}

export interface Desk {
  queue(workspace: string, ask: QueueAsk): Promise<QueuePage>
  dead(workspace: string, ask: DeadAsk): Promise<DeadPage>
  deadGroups(workspace: string): Promise<DeadGroups>
  resolveDead(workspace: string, how: 'replay' | 'drop', command: ResolveCommand): Promise<ResolveReport>
  purge(workspace: string, command: PurgeCommand): Promise<PurgeReport>
  pause(workspace: string, reason: string | null): Promise<PauseReport>
  resume(workspace: string, reason: string | null): Promise<PauseReport>
}

export function createDesk({ workspaces, dataDir, isShared, who, clock, audit }: DeskParts): Desk {
  const workspaceOf = (name: string): DeskWorkspace => {
    const workspace = workspaces().get(name)
    if (workspace === undefined) throw unknownWorkspace(name, [...workspaces().keys()])
    return workspace
  }
  const revealed = (workspace: string, count: number): void =>
    audit({ type: 'audit', act: 'reveal', workspace, who, reason: null, count })

  return {
    async queue(name, { reveal = false, ...query }) {
      const page = await workspaceOf(name).queue.list(query)
      const operations = withinSize(page.operations.map((operation) => shownWaiting(operation, reveal)))
      if (reveal) revealed(name, operations.length)
      return { operations, after: afterOf(operations, page.operations.length, page.after) }
    },
    async dead(name, { reveal = false, ...query }) {
      const page = await workspaceOf(name).deadLetters.list(query satisfies DeadLetterQuery)
      const deadLetters = withinSize(page.deadLetters.map((letter) => shownDead(letter, reveal)))
      if (reveal) revealed(name, deadLetters.length)
      return { deadLetters, after: afterOf(deadLetters, page.deadLetters.length, page.after) }
    },
    deadGroups: async (name) => groupsOf(workspaceOf(name).deadLetters),
    async resolveDead(workspace, how, command) {
      const report = await resolveChosen(workspaceOf(workspace), how, command)
      if (!report.dryRun) {
        audit({ type: 'audit', act: how, workspace, who, reason: command.reason ?? null, count: report.done })
      }
      return report
    },
    async purge(workspace, command) {
      const report = await purgeOne(workspaceOf(workspace), command)
      if (!report.dryRun) {
        audit({ type: 'audit', act: 'purge', workspace, who, reason: command.reason ?? null, count: report.done })
      }
      return report
    },
    async pause(workspace, reason) {
      const client = workspaceOf(workspace)
      const note = { who, why: reason, atMs: clock.wallMs() }
      const before = isShared(workspace) ? await pausedForAll(client) : readPause(dataDir, workspace)
      if (isShared(workspace)) {
        if (before === undefined) await client.pauseAll(reason === null ? { who } : { who, why: reason })
      } else {
        if (before === undefined) keepPause(dataDir, workspace, note)
        client.pause()
      }
      audit({ type: 'audit', act: 'pause', workspace, who, reason, count: null })
      return { workspace, pause: before ?? note, changed: before === undefined }
    },
    async resume(workspace, reason) {
      const client = workspaceOf(workspace)
      // Also where it is not shared: another process on the same file may have paused it for all.
      const forAll = await pausedForAll(client).catch((error: unknown) => {
        if (isShared(workspace)) throw error
      })
      if (forAll !== undefined) await client.resumeAll()
      const changed = forAll !== undefined || readPause(dataDir, workspace) !== undefined
      endPause(dataDir, workspace)
      client.resume()
      audit({ type: 'audit', act: 'resume', workspace, who, reason, count: null })
      return { workspace, pause: null, changed }
    },
  }
}

async function pausedForAll(client: DeskWorkspace): Promise<PauseNote | undefined> {
  const { pausedForAll: pause } = await client.stats()
  return pause === null ? undefined : pauseNoteOf(pause)
}

export function unknownWorkspace(name: string, known: readonly string[]): AdminError {
  return new AdminError(
    'unknown-workspace',
    `there is no workspace ${JSON.stringify(name)}; there is ${known.join(', ') || 'none'}`,
    {
      field: 'workspace',
    },
  )
}

function withinSize<Shown extends ShownOperation>(all: readonly Shown[]): readonly Shown[] {
  let chars = 0
  const end = all.findIndex((one, index) => (chars += JSON.stringify(one.request).length) > PAGE_CHARS_MAX && index > 0)
  return end === -1 ? all : all.slice(0, end)
}

function afterOf(shown: readonly ShownOperation[], found: number, after: string | null): string | null {
  return shown.length < found ? shown.at(-1)!.position : after
}
