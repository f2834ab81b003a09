/**
 * A handle's connection over time: opens the file, sets a damaged one aside first, and opens it anew when the
 * connection is of no more use, because damage was met, the file was replaced or a transaction could not be undone.
 * The call that met the trouble gets its error; the next one finds the file as it is then. Leases end with the
 * connection.
 */
import { OutboxError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { OutboxNotice } from '../outbox.ts'
import { Core } from './core.ts'
import type { Database } from './database.ts'
import { failureOf, isDamage } from './failure.ts'
import type { FileIdentity } from './file-identity.ts'
import { openDatabase, type OpenDatabaseOptions } from './open-database.ts'
import type { ResolvedSqliteOptions } from './options.ts'
import { finishRescue, rescue } from './rescue.ts'
import type { Steps } from './steps.ts'

export interface SessionContext {
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly workspace: string
  readonly notice: (notice: OutboxNotice) => void
  readonly filterBits: number
}

export class Session {
  readonly #options: ResolvedSqliteOptions
  readonly #context: SessionContext
  #core: Core | undefined
  /** Of the last connection, so that the next one can go on as the owner. */
  #token = 0
  /** The file in which damage was met while it was open. */
  #damaged: FileIdentity | undefined
  #role: 'active' | 'standby' | undefined

  constructor(options: ResolvedSqliteOptions, context: SessionContext) {
    this.#options = options
    this.#context = context
  }

  /** Opens the file, or throws `OutboxError`. */
  open(): void {
    this.run(() => undefined)
  }

  /** Does something on the open file. Every failure is an error of this package. */
  run<Result>(work: (core: Core) => Result): Result {
    try {
      return work((this.#core ??= this.#open()))
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** The same for work in steps. */
  *steps<Result>(work: (core: Core) => Steps<Result>): Steps<Result> {
    const steps = this.run(work)
    try {
      return yield* steps
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** To be called each `TICK_MS`. Never throws: what fails shows to the next call. */
  tick(): void {
    try {
      if (this.#core !== undefined) this.run((core) => core.tick())
    } catch {}
  }

  /** Says whether there is more to do when there is nothing else to do. Never throws. */
  idle(): boolean {
    try {
      return this.#core !== undefined && this.run((core) => core.idle())
    } catch {
      return false
    }
  }

  close(): void {
    const core = this.#core
    this.#core = undefined
    try {
      core?.close()
    } catch {
      // All that was acknowledged is in the file; another handle takes over a little later.
    }
  }

  #open(): Core {
    const { runtime, workspace, filterBits } = this.#context
    const opening = { workspace, random: runtime.random }
    finishRescue(this.#options.path, opening)
    const { database, quarantined } = this.#openOrRescue(opening)
    try {
      const core = new Core(database, this.#options, {
        runtime,
        notice: (notice) => this.#notice(notice),
        formerToken: this.#token,
        filterBits,
      })
      this.#damaged = undefined
      if (quarantined !== undefined) this.#notice(quarantined)
      return core
    } catch (error) {
      database.close()
      throw error
    }
  }

  #openOrRescue(opening: OpenDatabaseOptions): {
    readonly database: Database
    readonly quarantined?: OutboxNotice | undefined
  } {
    const open = (): Database => {
      if (this.#damaged?.kept === true) {
        throw new OutboxError('OUTBOX_DAMAGED', 'the outbox is damaged', { path: this.#options.path })
      }
      return openDatabase(this.#options, opening)
    }
    try {
      return { database: open() }
    } catch (error) {
      if (!isDamage(error) || this.#options.onDamage === 'refuse') throw error
    }
    const quarantined = rescue(this.#options, opening, () => failsWithDamage(open))
    return { database: open(), quarantined }
  }

  /** After a failure: lets go of a connection that is of no more use. */
  #failure(error: unknown): Error {
    const core = this.#core
    if (core !== undefined && (isDamage(error) || !core.usable)) {
      if (isDamage(error)) this.#damaged = core.identity
      this.#token = core.token
      this.#core = undefined
      core.abandon()
      this.#notice({ type: 'role', role: 'standby' })
    }
    return failureOf(error, this.#options.path)
  }

  #notice(notice: OutboxNotice): void {
    if (notice.type === 'role') {
      if (notice.role === this.#role) return
      this.#role = notice.role
    }
    this.#context.notice(notice)
  }
}

/** False also for what fails for another reason: that shows when it is opened. */
function failsWithDamage(open: () => Database): boolean {
  try {
    open().close()
    return false
  } catch (error) {
    return isDamage(error)
  }
}

export const TICK_MS = 250
