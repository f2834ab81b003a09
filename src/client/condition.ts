/** How a client is, in numbers and in words: put together from what its parts know when they are asked. */
import type { Gate } from '../delivery/gate.ts'
import { codeOf } from '../errors.ts'
import type { watchAttempts } from '../observe/attempts.ts'
import { type Health, healthOf } from '../observe/health.ts'
import type { HealthProbe } from '../observe/probe.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Neighbours } from './neighbours.ts'
import type { Opening } from './opening.ts'
import type { Stats } from './reports.ts'
import type { Storing } from './storing.ts'

export interface ConditionParts {
  readonly opening: Opening
  readonly gate: Gate
  readonly storing: Pick<Storing, 'errorCode' | 'deliveredDirectly'>
  readonly neighbours: Neighbours
  readonly attempts: ReturnType<typeof watchAttempts>
  readonly clock: Clock
  readonly isClosing: () => boolean
}

export interface Condition {
  /** Rejects when the outbox cannot be opened. */
  stats(): Promise<Stats>
  health(probe: HealthProbe | null): Promise<Health>
}

export function createCondition(parts: ConditionParts): Condition {
  const { opening, gate, storing, neighbours, attempts, clock, isClosing } = parts

  /** An outbox that is away keeps no call from being stored while it has one beside it. */
  function storeErrorCode(askingFailed: unknown): string | null {
    if (opening.error !== undefined) return codeOf(opening.error)
    if (storing.errorCode !== null || neighbours.spilling !== null) return storing.errorCode
    return askingFailed === undefined || isClosing() ? null : codeOf(askingFailed)
  }

  return {
    async stats() {
      const stats = await (await opening.ready()).stats()
      const view = gate.view(clock.monotonicMs())
      return {
        ...stats,
        deliveredDirectly: storing.deliveredDirectly,
        requestsInFlight: gate.inFlight,
        circuitState: view.circuitState,
        perSecond: view.rate.perSecond,
        paused: view.paused,
        pausedForAll: view.pausedForAll,
        parked: view.parked !== null,
        handles: neighbours.handles,
      }
    },

    async health(probe) {
      const outbox = opening.opened
      const view = gate.view(clock.monotonicMs())
      let askingFailed: unknown
      const stats = await outbox?.stats().catch((reason: unknown) => {
        askingFailed = reason
      })
      return healthOf({
        phase: isClosing() ? 'closing' : outbox === undefined ? 'starting' : 'open',
        storeErrorCode: storeErrorCode(askingFailed),
        outbox: stats ?? null,
        circuitState: view.circuitState,
        cooldownMs: view.rate.cooldownMs,
        paused: view.paused,
        pausedForAll: view.pausedForAll,
        parked: view.parked,
        rate: view.rate.perSecond,
        handles: neighbours.handles,
        store: neighbours.store,
        spilling: neighbours.spilling,
        latency: attempts.latencyMs(),
        lastSuccess: attempts.lastSuccess,
        lastFailure: attempts.lastFailure,
        wallMs: clock.wallMs(),
        probe,
      })
    },
  }
}
