/** Claim, renew, settle and the end of leases, from this side of the connection. */
import type { Runtime } from '../../runtime/runtime.ts'
import { BacklogShare } from '../claim-room.ts'
import type { Claim, ClaimedEntry, ClaimWant, Lease, LeaseState, Settlement } from '../outbox.ts'
import { numberArray } from './binary-arrays.ts'
import type { Database } from './database.ts'
import type { Floor } from './floor.ts'
import { numberOf, positionOfRow } from './positions.ts'
import { entryOf } from './rows.ts'
import { KIND } from './settle-functions.ts'

/** An idle handle asks again after this time, for what others append. */
const POLL_MS = 1_000
/** Leases of claims whose answer was lost, kept until the server has heard of their end. */
const ORPHANS_MAX = 100

export interface ClaimParts {
  readonly database: Database
  /** The schema, quoted. */
  readonly schema: string
  readonly handle: string
  readonly runtime: Pick<Runtime, 'clock' | 'newId'>
  readonly floor: Floor
}

export class Claims {
  readonly #parts: ClaimParts
  readonly #share = new BacklogShare()
  #orphans: Lease[] = []

  constructor(parts: ClaimParts) {
    this.#parts = parts
  }

  async claim(want: ClaimWant): Promise<Claim> {
    const { database, schema, runtime, handle, floor } = this.#parts
    await this.#endOrphans()
    const lease = runtime.newId()
    const share = this.#share.next(want.entriesMax)
    try {
      const values = [lease, handle, want.entriesMax, want.bytesMax, want.leaseMs, share, floor.turn]
      const [claimed] = await database.query(`SELECT * FROM ${schema}.claim($1, $2, $3, $4, $5, $6, $7)`, values)
      const turns = claimed?.['turns'] as readonly string[]
      const nextMs = claimed?.['next_ms'] as number | null
      const nextInMs = Math.min(POLL_MS, Math.max(0, Math.ceil(nextMs ?? POLL_MS)))
      if (turns.length === 0) return { lease: '', entries: [], nextInMs: Math.max(1, nextInMs), role: 'active' }
      const rows = await database.query(
        `SELECT e.turn, e.joined, e.id, e.head, e.body, r.attempts
        FROM ${schema}.entries e LEFT JOIN ${schema}.retries r USING (turn) WHERE e.turn = ANY ($1::bigint[]) ORDER BY e.turn`,
        [numberArray(turns.map(Number))],
      )
      return { lease, entries: rows.map(claimedOf), nextInMs, role: 'active' }
    } catch (error) {
      if (this.#orphans.length < ORPHANS_MAX) this.#orphans.push(lease)
      throw error
    }
  }

  async renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]> {
    const { database, schema } = this.#parts
    const rows = await database.query(
      `WITH ours AS (SELECT l.id FROM ${schema}.leases l WHERE l.id = ANY ($1) ORDER BY l.id FOR UPDATE)
      UPDATE ${schema}.leases l SET until = clock_timestamp() + $2::float8 * interval '1 millisecond'
      FROM ours o WHERE l.id = o.id AND l.until > clock_timestamp() RETURNING l.id`,
      [leases, leaseMs],
    )
    const held = new Set(rows.map(({ id }) => id))
    return leases.map((lease) => (held.has(lease) ? 'held' : 'lapsed'))
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    if (settlements.length === 0) return []
    const { database, schema, runtime } = this.#parts
    const leases = [...new Set(settlements.map(({ lease }) => lease))]
    const numbers = new Map(leases.map((lease, index) => [lease, index + 1]))
    const [answer = {}] = await database.query(
      `SELECT ${schema}.settle($1, $2, $3, $4, $5, $6, $7, $8)::text AS held`,
      [
        leases,
        numberArray(settlements.map(({ lease }) => numbers.get(lease)!)),
        numberArray(settlements.map(({ position }) => numberOf(position))),
        ...verdictValues(settlements),
        Math.round(runtime.clock.wallMs()),
      ],
    )
    const held = new Set(String(answer['held']).slice(1, -1).split(',').map(Number))
    return settlements.map((_, index) => (held.has(index + 1) ? 'held' : 'lapsed'))
  }

  /** Ends all leases of this handle. */
  async endAll(): Promise<void> {
    const { database, schema, handle } = this.#parts
    await database.query(`DELETE FROM ${schema}.leases WHERE holder = $1`, [handle])
  }

  async #endOrphans(): Promise<void> {
    if (this.#orphans.length === 0) return
    const orphans = this.#orphans
    await this.#parts.database.query(`DELETE FROM ${this.#parts.schema}.leases WHERE id = ANY ($1)`, [orphans])
    this.#orphans = this.#orphans.filter((lease) => !orphans.includes(lease))
  }
}

function claimedOf(row: Readonly<Record<string, unknown>>): ClaimedEntry {
  return { ...entryOf(row), position: positionOfRow(row as never), attempts: Number(row['attempts'] ?? 0) }
}

function kindOf({ verdict }: Settlement): number {
  if (verdict.to === 'waiting') return verdict.countAttempt ? KIND.again : KIND.unsent
  return verdict.to === 'dead' ? KIND.dead : KIND.delivered
}

/** Kinds, delays, reasons and details; nothing where all are delivered, as they nearly always are. */
function verdictValues(settlements: readonly Settlement[]): readonly unknown[] {
  if (settlements.every(({ verdict }) => verdict.to === 'delivered')) return [null, null, null, null]
  const details = settlements.map(({ verdict }) => {
    if (verdict.to !== 'dead') return null
    const { to: _, ...detail } = verdict
    return detail
  })
  return [
    settlements.map(kindOf),
    settlements.map(({ verdict }) => (verdict.to === 'waiting' ? verdict.delayMs : 0)),
    details.map((detail) => detail?.reason ?? null),
    details.map((detail) => (detail === null ? null : JSON.stringify(detail))),
  ]
}
