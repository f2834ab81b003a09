/** The contract, on one handle. Its parts: see `../postgres.ts`. */
import { OutboxError } from '../../errors.ts'
import type { IdempotencyStore } from '../../idempotency/store.ts'
import type {
  AppendResult,
  Claim,
  ClaimWant,
  DeadSelection,
  EntryState,
  Lease,
  LeaseState,
  ListPage,
  ListQuery,
  NewEntry,
  Outbox,
  OutboxContext,
  OutboxStats,
  Position,
  ProviderHint,
  Settlement,
  SharedPause,
  TransactionQuery,
} from '../outbox.ts'
import { Appends } from './appends.ts'
import { Census } from './census.ts'
import { Claims } from './claims.ts'
import { Database } from './database.ts'
import { postgresExecutions } from './executions.ts'
import { Floor } from './floor.ts'
import { checkVersion, lockNumber, quoted } from './migrations.ts'
import { Operators } from './operators.ts'
import type { ResolvedPostgresOptions } from './options.ts'
import { Pulse } from './pulse.ts'
import { serverReport } from './server-report.ts'
import { Upkeep } from './upkeep.ts'
import { UsedEstimate } from './used.ts'
import { WakeUp } from './wake-up.ts'
import { checkWorkspace } from './workspace.ts'

interface Parts {
  readonly database: Database
  readonly appends: Appends
  readonly claims: Claims
  readonly operators: Operators
  readonly census: Census
  readonly pulse: Pulse
  readonly wakeUp: WakeUp | undefined
}

export async function openPostgres(options: ResolvedPostgresOptions, context: OutboxContext): Promise<Outbox> {
  const { runtime, notice } = context
  const database = await Database.connect(options.target, options, runtime.clock)
  try {
    await database.checkIsolation()
    const report = await serverReport(database)
    if (options.requireDurability && report.risks.length > 0) {
      throw new OutboxError('OUTBOX_NOT_DURABLE', `the server may lose what it confirmed: ${report.risks.join('; ')}`)
    }
    await checkVersion(database, options.schema)
    const schema = quoted(options.schema)
    await checkWorkspace(database, schema, context.workspace)
    notice({ type: 'role', role: 'active' })
    notice({ type: 'store-report', report })
    const parts = partsOf(database, schema, options, context)
    try {
      await parts.pulse.start()
    } catch (error) {
      await parts.wakeUp?.stop()
      throw error
    }
    return new PostgresOutbox(parts, postgresExecutions(database, schema, options.limits))
  } catch (error) {
    await database.end()
    throw error
  }
}

function partsOf(database: Database, schema: string, options: ResolvedPostgresOptions, context: OutboxContext): Parts {
  const { runtime, notice } = context
  const { limits } = options
  const handle = runtime.newId()
  const used = new UsedEstimate({ operations: limits.maxOperations, bytes: limits.maxBytes })
  const floor = new Floor()
  const upkeep = new Upkeep(database, schema, runtime.clock)
  const pulse = new Pulse({
    database,
    schema,
    handle,
    clock: runtime.clock,
    used,
    floor,
    notice,
    looks: context.looks === true,
    looked: (look) => upkeep.run(look),
  })
  const wakeUp = options.listen
    ? new WakeUp({ database, schema: options.schema, handle, clock: runtime.clock, woken: () => pulse.wake() })
    : undefined
  const appends = new Appends({
    database,
    schema,
    lock: lockNumber(options.schema),
    limits,
    used,
    stored: (block) => {
      pulse.drew(block)
      wakeUp?.tell()
    },
  })
  const claims = new Claims({ database, schema, handle, runtime, floor })
  const operators = new Operators(database, schema)
  const census = new Census(database, schema, limits, runtime.clock)
  return { database, appends, claims, operators, census, pulse, wakeUp }
}

class PostgresOutbox implements Outbox {
  readonly executions: IdempotencyStore
  readonly #parts: Parts
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(parts: Parts, executions: IdempotencyStore) {
    this.#parts = parts
    this.executions = {
      begin: (ask) => this.#run(() => executions.begin(ask)),
      renew: (ask) => this.#run(() => executions.renew(ask)),
      complete: (ask) => this.#run(() => executions.complete(ask)),
      abandon: (ask) => this.#run(() => executions.abandon(ask)),
    }
  }

  append(entries: readonly NewEntry[], within?: TransactionQuery): Promise<readonly AppendResult[]> {
    const { appends } = this.#parts
    return this.#run(() => (within === undefined ? appends.append(entries) : appends.join(entries, within)))
  }

  claim(want: ClaimWant): Promise<Claim> {
    return this.#run(() => this.#parts.claims.claim(want))
  }

  renew(leases: readonly Lease[], leaseMs: number): Promise<readonly LeaseState[]> {
    return this.#run(() => this.#parts.claims.renew(leases, leaseMs))
  }

  settle(settlements: readonly Settlement[]): Promise<readonly LeaseState[]> {
    return this.#run(() => this.#parts.claims.settle(settlements))
  }

  stats(): Promise<OutboxStats> {
    return this.#run(() => this.#parts.census.stats())
  }

  mayHold(lanes: readonly string[]): Promise<boolean> {
    return this.#run(() => this.#parts.operators.mayHold(lanes))
  }

  lookup(positions: readonly Position[]): Promise<readonly EntryState[]> {
    return this.#run(() => this.#parts.operators.lookup(positions))
  }

  list(query: ListQuery): Promise<ListPage> {
    return this.#run(() => this.#parts.operators.list(query))
  }

  resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Promise<number> {
    return this.#run(() => this.#parts.operators.resolveDead(selection, how))
  }

  purge(lane: string): Promise<number> {
    return this.#run(() => this.#parts.operators.purge(lane))
  }

  tell(hint: ProviderHint): void {
    if (this.#closing !== undefined) return
    const { pulse, wakeUp } = this.#parts
    void pulse.tell(hint).then(() => wakeUp?.tell())
  }

  setPaused(pause: SharedPause | null): Promise<void> {
    const { pulse, wakeUp } = this.#parts
    return this.#run(async () => {
      await pulse.setPaused(pause)
      wakeUp?.tell()
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { database, appends, census, claims, pulse, wakeUp } = this.#parts
    await Promise.allSettled([...this.#running])
    await appends.finished()
    await census.finished()
    // With the server away the leases end by themselves, and the handle is soon not counted any more.
    await claims.endAll().catch(() => {})
    await wakeUp?.stop()
    await pulse.stop().catch(() => {})
    await database.end()
  }

  async #run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) throw new OutboxError('OUTBOX_CLOSED', 'the outbox is closed')
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }
}
