/**
 * The health of a relay as a tree: the whole, its workspaces, and of each its store and its delivery, all in the one
 * vocabulary of `health.ts`.
 *
 * The whole has the worst word of its workspaces: one that cannot store makes it `failing`, for calls are being refused and
 * somebody must look. Whether the relay is *ready* is another question: can it store now? It is ready while one workspace
 * can, for taking it out of service would refuse the calls of the others too; those of the one that cannot get a 503 each.
 */
import type { Health, HealthReason, HealthStatus } from './health.ts'
import type { RelayPhase } from './relay-events.ts'

export interface HealthNode {
  readonly status: HealthStatus
  /** Wall time since which it has this status. */
  readonly sinceMs: number
  readonly reasons: readonly HealthReason[]
}

export interface WorkspaceNode extends HealthNode {
  /** Calls are stored. */
  readonly canStore: boolean
  readonly components: { readonly store: HealthNode; readonly delivery: HealthNode }
}

export interface HealthTree extends HealthNode {
  /** Requests are taken and at least one workspace can store them: the answer of `/readyz`. */
  readonly ready: boolean
  /** Every outbox has been opened, or is on a server that is away: the answer of `/startupz`. */
  readonly started: boolean
  readonly components: Readonly<Record<string, WorkspaceNode>>
}

/** What of a workspace's reasons is about its store; the others are about delivery. */
const STORE_CODES = new Set(['cannot-store', 'no-answer', 'lost', 'filling', 'spilling'])
const CANNOT_STORE = new Set(['cannot-store', 'no-answer'])

/** From harmless to bad. */
const WORSE: readonly HealthStatus[] = ['ok', 'degraded', 'starting', 'blocked', 'failing', 'stopping']

/** A workspace whose outbox did not answer in time. */
export const NO_ANSWER = 'no-answer' as const

/**
 * @param workspaces by name; `NO_ANSWER` for one that did not say how it is in the time that it had
 * @param before the tree of the last look, from which `sinceMs` goes on
 */
export function healthTreeOf(
  phase: RelayPhase,
  workspaces: ReadonlyMap<string, Health | typeof NO_ANSWER>,
  wallMs: number,
  before: HealthTree | null = null,
): HealthTree {
  const components: Record<string, WorkspaceNode> = Object.create(null) as Record<string, WorkspaceNode>
  const reasons: HealthReason[] = []
  for (const [name, health] of workspaces) {
    const node = workspaceNodeOf(health, wallMs, before?.components[name])
    components[name] = node
    for (const reason of node.reasons) reasons.push({ code: reason.code, message: `${name}: ${reason.message}` })
  }
  const nodes = Object.values(components)
  const status = statusOfAll(phase, nodes)
  return {
    ...node(status, reasons, wallMs, before ?? undefined),
    ready: phase === 'serving' && nodes.some(({ canStore }) => canStore),
    started: phase !== 'starting',
    components,
  }
}

function statusOfAll(phase: RelayPhase, nodes: readonly WorkspaceNode[]): HealthStatus {
  if (phase === 'draining' || phase === 'closed') return 'stopping'
  if (phase === 'starting' && nodes.every(({ status }) => status !== 'failing')) return 'starting'
  return worstOf(nodes.map(({ status }) => status))
}

function workspaceNodeOf(
  health: Health | typeof NO_ANSWER,
  wallMs: number,
  before: WorkspaceNode | undefined,
): WorkspaceNode {
  const { status, reasons } = health === NO_ANSWER ? UNANSWERED : health
  const ofStore = reasons.filter(({ code }) => STORE_CODES.has(code))
  const ofDelivery = reasons.filter(({ code }) => !STORE_CODES.has(code))
  const store = partOf(status, ofStore, 'store')
  const delivery = partOf(status, ofDelivery, 'delivery')
  return {
    ...node(status, reasons, wallMs, before),
    canStore: status !== 'starting' && status !== 'stopping' && !reasons.some(({ code }) => CANNOT_STORE.has(code)),
    components: {
      store: node(store, ofStore, wallMs, before?.components.store),
      delivery: node(delivery, ofDelivery, wallMs, before?.components.delivery),
    },
  }
}

const UNANSWERED = {
  status: 'failing',
  reasons: [{ code: 'no-answer', message: 'the outbox does not answer' }],
} as const

const BLOCKING = new Set(['parked', 'paused', 'credentials'])

function partOf(whole: HealthStatus, reasons: readonly HealthReason[], part: 'store' | 'delivery'): HealthStatus {
  if (whole === 'starting' || whole === 'stopping') return whole
  const words = reasons.map(({ code }): HealthStatus => {
    if (part === 'store') return code === 'filling' || code === 'spilling' ? 'degraded' : 'failing'
    return BLOCKING.has(code) ? 'blocked' : 'degraded'
  })
  return worstOf(words)
}

function worstOf(words: readonly HealthStatus[]): HealthStatus {
  return words.reduce<HealthStatus>((worst, one) => (WORSE.indexOf(one) > WORSE.indexOf(worst) ? one : worst), 'ok')
}

function node(
  status: HealthStatus,
  reasons: readonly HealthReason[],
  wallMs: number,
  before: HealthNode | undefined,
): HealthNode {
  return { status, sinceMs: before?.status === status ? before.sinceMs : wallMs, reasons }
}
