/**
 * What becomes of one person's operations, found by looking again and again: events name no person. What is delivered
 * between two looks is not seen.
 */
import type { AdminClient } from '../admin/contract.ts'
import { sleep } from '../runtime/clock.ts'
import type { Runtime } from '../runtime/runtime.ts'

const LOOK_MS = 1_000
/** Of each kind, the newest. */
const SHOWN_MAX = 200

export interface Step {
  readonly kind: 'person'
  readonly atMs: number
  readonly workspace: string
  readonly id: string
  readonly type: string
  readonly attempts: number
  /** `gone`: delivered, or removed by somebody. */
  readonly state: 'waiting' | 'tried' | 'dead' | 'gone'
}

interface Known {
  readonly type: string
  readonly attempts: number
  readonly isDead: boolean
}

export async function* trailOf(
  client: AdminClient,
  workspaces: readonly string[],
  person: string,
  { clock }: Pick<Runtime, 'clock'>,
  signal: AbortSignal,
): AsyncGenerator<Step, void, undefined> {
  const before = new Map<string, ReadonlyMap<string, Known>>()
  while (!signal.aborted) {
    for (const workspace of workspaces) {
      const seen = await lookAt(client, workspace, person)
      for (const { id, type, attempts, state } of changes(before.get(workspace) ?? new Map<string, Known>(), seen)) {
        yield { kind: 'person', atMs: clock.wallMs(), workspace, id, type, attempts, state }
      }
      before.set(workspace, seen)
    }
    await sleep(clock, LOOK_MS, signal, 'held')
  }
}

async function lookAt(client: AdminClient, workspace: string, person: string): Promise<ReadonlyMap<string, Known>> {
  const ask = { person, limit: SHOWN_MAX, order: 'newest-first' } as const
  const { operations } = await client.queue(workspace, ask)
  const { deadLetters } = await client.dead(workspace, ask)
  const seen = new Map<string, Known>()
  for (const { id, type, attempts } of deadLetters) seen.set(id, { type, attempts, isDead: true })
  // One that was replayed waits again.
  for (const { id, type, attempts } of operations) seen.set(id, { type, attempts, isDead: false })
  return seen
}

function* changes(
  before: ReadonlyMap<string, Known>,
  now: ReadonlyMap<string, Known>,
): Generator<Pick<Step, 'id' | 'type' | 'attempts' | 'state'>, void, undefined> {
  for (const [id, { type, attempts, isDead }] of now) {
    const known = before.get(id)
    if (known === undefined || known.isDead !== isDead) yield { id, type, attempts, state: isDead ? 'dead' : 'waiting' }
    else if (attempts > known.attempts) yield { id, type, attempts, state: 'tried' }
  }
  for (const [id, { type, attempts }] of before) {
    if (!now.has(id)) yield { id, type, attempts, state: 'gone' }
  }
}
