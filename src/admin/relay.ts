/** What the admin API needs of a relay and of its workspaces. `RelayClient` is such a workspace. */
import type { DeadLetters } from '../client/dead-letters.ts'
import type { Queue } from '../client/queue.ts'
import type { DrainReport, Stats } from '../client/reports.ts'
import type { Health } from '../observe/health.ts'
import type { RelayListener, RelayPhase } from '../observe/relay-events.ts'

export interface AdminWorkspace {
  readonly queue: Queue
  readonly deadLetters: DeadLetters
  stats(): Promise<Stats>
  health(options?: { readonly probe?: 'passive' | 'active' }): Promise<Health>
  pause(): void
  resume(): void
  /** For all processes that share its outbox. */
  pauseAll(words: { readonly who: string; readonly why?: string }): Promise<void>
  resumeAll(): Promise<void>
  purge(person: string): Promise<number>
  drain(options?: { readonly timeoutMs?: number }): Promise<DrainReport>
}

export interface AdminRelay {
  /** The current ones, asked anew each time. */
  readonly workspaces: ReadonlyMap<string, AdminWorkspace>
  readonly phase: RelayPhase
  on(listener: RelayListener): () => void
}
