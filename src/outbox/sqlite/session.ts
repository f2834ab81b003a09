/**
 * A handle's connection over time: opens the file, and opens it anew when the connection is of no more use, because
 * the file was replaced or a transaction could not be undone. The call that met the trouble gets its error; the next
 * one finds the file as it is then. Leases end with the connection.
 */
import type { Runtime } from '../../runtime/runtime.ts'
import type { OutboxNotice } from '../outbox.ts'
import { Core } from './core.ts'
import { failureOf } from './failure.ts'
import { openDatabase } from './open-database.ts'
import type { ResolvedSqliteOptions } from './options.ts'
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
    const database = openDatabase(this.#options, { workspace, random: runtime.random })
    try {
      return new Core(database, this.#options, {
        runtime,
        notice: (notice) => this.#notice(notice),
        formerToken: this.#token,
        filterBits,
      })
    } catch (error) {
      database.close()
      throw error
    }
  }

  #failure(error: unknown): Error {
    const core = this.#core
    if (core !== undefined && !core.usable) {
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

export const TICK_MS = 250
