/** Everything about a relay at one moment, with the verdict on it. */
import type { RelayPhase } from '../observe/relay-events.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Chronicle } from './chronicle.ts'
import type { AdminStatus, WorkspaceStatus } from './contract.ts'
import { pauseNoteOf, readPause } from './pauses.ts'
import type { AdminWorkspace } from './relay.ts'
import { verdictOf, type WorkspaceFacts } from './verdict.ts'

export interface StatusParts {
  readonly workspaces: ReadonlyMap<string, AdminWorkspace>
  readonly phase: RelayPhase
  readonly chronicle: Chronicle
  readonly dataDir: string
  readonly version: string
  readonly startedAtMs: number
  readonly clock: Clock
}

export async function statusOf(parts: StatusParts): Promise<AdminStatus> {
  const { workspaces, phase, version, startedAtMs, clock } = parts
  const facts = await Promise.all([...workspaces].map((one) => factsOf(one, parts)))
  const nowMs = clock.wallMs()
  return {
    verdict: verdictOf({ phase, workspaces: facts, nowMs }),
    offline: null,
    version,
    phase,
    startedAtMs,
    uptimeMs: Math.max(0, nowMs - startedAtMs),
    atMs: nowMs,
    workspaces: facts.map((one) => statusOfWorkspace(one, phase, nowMs)),
  }
}

async function factsOf(
  [name, workspace]: readonly [string, AdminWorkspace],
  parts: StatusParts,
): Promise<WorkspaceFacts> {
  const health = await workspace.health()
  // An outbox that is being opened or closed would make everybody wait.
  const isOpen = health.status !== 'starting' && health.status !== 'stopping'
  const stats = isOpen ? await workspace.stats().catch(() => null) : null
  return {
    name,
    health,
    stats,
    watched: parts.chronicle.of(name),
    pause: health.pausedForAll === null ? (readPause(parts.dataDir, name) ?? null) : pauseNoteOf(health.pausedForAll),
    traffic: parts.chronicle.traffic(name, health.queueDepth),
  }
}

function statusOfWorkspace(facts: WorkspaceFacts, phase: RelayPhase, nowMs: number): WorkspaceStatus {
  const { name, health, stats, pause, traffic, watched } = facts
  const { since, lastError } = watched
  // Of this one alone: while the relay stops, each still says how it is.
  const verdict = verdictOf({ phase: phase === 'starting' ? phase : 'serving', workspaces: [facts], nowMs })
  return { name, verdict, health, stats, pause, since, traffic, lastError }
}
