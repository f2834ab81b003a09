/**
 * Looks at the relay's workspaces for those who ask how it is: at most once a second, however many ask, and for a bounded
 * time, however slow an outbox is.
 */
import type { Health } from '../observe/health.ts'
import { type HealthTree, healthTreeOf, NO_ANSWER } from '../observe/health-tree.ts'
import type { RelayPhase } from '../observe/relay-events.ts'
import { type Clock, sleep } from '../runtime/clock.ts'

export interface WatchedWorkspace {
  health(options?: { readonly probe?: 'passive' | 'active' }): Promise<Health>
}

export interface WatchedRelay {
  /** The present ones, asked anew each time. */
  readonly workspaces: ReadonlyMap<string, WatchedWorkspace>
  readonly phase: RelayPhase
}

export interface HealthWatch {
  /** How it is now, or up to a second ago. Never rejects. */
  tree(): Promise<HealthTree>
  /** The same after asking Customer.io, which each workspace does at most once in its interval. Never rejects. */
  probedTree(): Promise<HealthTree>
  /** For how long the slowest outbox has not answered, in milliseconds; 0 when none is asked. */
  silentMs(): number
}

const FRESH_MS = 1_000
/** An outbox that does not answer in this time counts as one that cannot store. */
const ANSWER_MS = 2_000
/** Beyond the time of the probe itself. */
const PROBED_ANSWER_MS = 10_000

export function watchHealth(relay: WatchedRelay, clock: Clock): HealthWatch {
  return new Watch(relay, clock)
}

class Watch implements HealthWatch {
  readonly #relay: WatchedRelay
  readonly #clock: Clock
  #newest: HealthTree | null = null
  #look: { readonly tree: Promise<HealthTree>; readonly phase: RelayPhase; readonly atMs: number } | undefined
  /** When each workspace was asked that has not answered yet. */
  readonly #asked = new Map<WatchedWorkspace, { readonly sinceMs: number; readonly answer: Promise<Health> }>()

  constructor(relay: WatchedRelay, clock: Clock) {
    this.#relay = relay
    this.#clock = clock
  }

  tree(): Promise<HealthTree> {
    const nowMs = this.#clock.monotonicMs()
    const { phase } = this.#relay
    // A phase is not looked at late: a relay that drains is not ready from that moment on.
    if (this.#look === undefined || nowMs - this.#look.atMs >= FRESH_MS || this.#look.phase !== phase) {
      this.#look = { tree: this.#lookAt((workspace) => this.#ask(workspace), ANSWER_MS), phase, atMs: nowMs }
    }
    return this.#look.tree
  }

  probedTree(): Promise<HealthTree> {
    return this.#lookAt((workspace) => workspace.health({ probe: 'active' }), PROBED_ANSWER_MS)
  }

  silentMs(): number {
    const nowMs = this.#clock.monotonicMs()
    return Math.max(0, ...Array.from(this.#asked.values(), ({ sinceMs }) => nowMs - sinceMs))
  }

  async #lookAt(ask: (workspace: WatchedWorkspace) => Promise<Health>, timeoutMs: number): Promise<HealthTree> {
    const answers = await Promise.all(
      Array.from(this.#relay.workspaces, async ([name, workspace]) => {
        const answer = await this.#inTime(ask(workspace), timeoutMs)
        return [name, answer] as const
      }),
    )
    this.#newest = healthTreeOf(this.#relay.phase, new Map(answers), this.#clock.wallMs(), this.#newest)
    return this.#newest
  }

  /** One question at a time to each: an outbox that stands still is not asked a thousand times. */
  #ask(workspace: WatchedWorkspace): Promise<Health> {
    const asked = this.#asked.get(workspace)
    if (asked !== undefined) return asked.answer
    const answer = workspace.health().finally(() => this.#asked.delete(workspace))
    this.#asked.set(workspace, { sinceMs: this.#clock.monotonicMs(), answer })
    return answer
  }

  async #inTime(answer: Promise<Health>, timeoutMs: number): Promise<Health | typeof NO_ANSWER> {
    const enough = new AbortController()
    const late = sleep(this.#clock, timeoutMs, enough.signal).then((): typeof NO_ANSWER => NO_ANSWER)
    try {
      return await Promise.race([answer, late])
    } catch {
      return NO_ANSWER
    } finally {
      enough.abort()
    }
  }
}
