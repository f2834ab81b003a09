/**
 * The relay as a process: configuration, relay, admin API, sockets, metrics and log as one. What a signal does is here; that
 * there are signals is not (`cli/commands/relay.ts`).
 *
 * Starting: the folder; the parts without sockets (`assembly.ts`), of which the outboxes open in the background; the ports,
 * so that probes are answered while a large outbox recovers; then it waits for the outboxes. Whatever fails on the way,
 * everything before it is closed.
 */
import { type Admin, createAdmin } from '../admin/api.ts'
import type { AuditEntry } from '../admin/contract.ts'
import { ensureToken } from '../admin/token.ts'
import { isShared, type LoadedConfig, type RelayConfig, writtenConfig } from '../config/index.ts'
import type { Logger } from '../logs/logger.ts'
import type { RelayPhase } from '../observe/relay-events.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type Assembly, assemble } from './assembly.ts'
import { crashLine } from './crash-line.ts'
import { type DataDir, enterDataDir } from './data-dir.ts'
import { dumpLine } from './dump.ts'
import { intakeHandler, opsHandler } from './handlers.ts'
import { type Listeners, openListeners } from './listeners.ts'
import { checkLeftBehind } from './left-behind.ts'
import { type Away, openedOrAway } from './opening.ts'
import { createProbes } from './probes.ts'
import { createReloading, type Reloading, type ReloadReport } from './reload.ts'
import { type Ending, endRelay, type EndReport } from './shutdown.ts'
import { startErrorOf } from './start-error.ts'
import { secretsOf } from './workspaces.ts'

export interface Surroundings {
  readonly runtime: Runtime
  readonly logger: Logger
  /** Of the package. */
  readonly version: string
  readonly pid: number
  /** Reads the configuration anew. Throws a `ConfigError`. */
  readonly load: () => LoadedConfig
}

export interface Service {
  /** Where applications send their requests. */
  readonly url: string
  readonly adminUrl: string | null
  readonly opsUrl: string | null
  readonly phase: RelayPhase
  readonly config: RelayConfig
  /** Resolves when everything is closed. */
  readonly closed: Promise<EndReport>
  /** Stops in order. Called again, it ends what is still waited for; both get the same report. Never rejects. */
  shutdown(): Promise<EndReport>
  /** Takes a new configuration over. Rejects with what is wrong with it, and everything stays as it was. */
  reload(): Promise<ReloadReport>
  /** Writes how everything is into the log. Never rejects. */
  dump(): Promise<void>
}

/**
 * Starts a relay. Resolves once every outbox is open and requests are taken.
 * @throws StartError saying whether the configuration, the store or another process is in the way
 * @example `const service = await startService(loadConfig(sources), { runtime, logger, version, pid, load })`
 */
export async function startService(loaded: LoadedConfig, surroundings: Surroundings): Promise<Service> {
  const { config } = loaded
  const { logger, pid, version, runtime } = surroundings
  logger.hide(secretsOf(config))
  logger.log({ event: 'starting', message: 'the relay starts', fields: { version, pid, dataDir: config.dataDir } })
  const { dataDir, token } = enter(config, pid)
  if (dataDir.otherPid !== null) {
    const message = 'another process uses the same folder; one of the two delivers'
    logger.log({ event: 'data-dir-shared', message, fields: { otherPid: dataDir.otherPid } })
  }
  if (token !== null) logger.hide([...secretsOf(config), token])
  let assembly: Assembly | undefined
  try {
    for (const { workspace, path, deadLetters } of await checkLeftBehind(config, runtime)) {
      const message = 'the former outbox holds dead letters, which nobody sees now'
      logger.log({ event: 'left-behind', workspace, message, fields: { path, deadLetters } })
    }
    assembly = await assemble(config, surroundings)
    const service = new RelayService(config, surroundings, assembly, dataDir, token)
    await service.open(runtime)
    return service
  } catch (error) {
    await assembly?.relay.close({ timeoutMs: 0 })
    assembly?.end()
    dataDir.leave()
    throw error
  }
}

function enter(config: RelayConfig, pid: number): { readonly dataDir: DataDir; readonly token: string | null } {
  try {
    const dataDir = enterDataDir(config.dataDir, pid)
    return { dataDir, token: config.admin.enabled ? (config.admin.token ?? ensureToken(config.dataDir)) : null }
  } catch (error) {
    throw startErrorOf(error, 'files')
  }
}

class RelayService implements Service {
  readonly #surroundings: Surroundings
  readonly #assembly: Assembly
  readonly #dataDir: DataDir
  readonly #admin: Admin | null
  readonly #reloading: Reloading
  readonly #startedMs: number
  readonly #closed = Promise.withResolvers<EndReport>()
  #listeners: Listeners | undefined
  #ending: Ending | undefined

  constructor(
    config: RelayConfig,
    surroundings: Surroundings,
    assembly: Assembly,
    dataDir: DataDir,
    token: string | null,
  ) {
    const { runtime, logger, version } = surroundings
    this.#surroundings = surroundings
    this.#assembly = assembly
    this.#dataDir = dataDir
    this.#startedMs = runtime.clock.monotonicMs()
    this.#reloading = createReloading(config, {
      ...surroundings,
      assembly,
      intake: () => this.#opened.intake,
      token,
    })
    this.#admin =
      token === null
        ? null
        : createAdmin({
            token,
            relay: assembly.view,
            dataDir: config.dataDir,
            isShared: (name) => isShared(this.config.workspaces[name]?.outbox.kind ?? 'sqlite'),
            version,
            startedAtMs: runtime.clock.wallMs(),
            runtime,
            config: () => writtenConfig(this.config),
            reload: () => this.reload(),
            audit: (entry) => this.#acted(entry),
            failed: (error) => logger.log({ ...crashLine(error), event: 'handler-failed', message: HANDLER_FAILED }),
          })
  }

  /** Opens the ports, and waits for the outboxes. */
  async open(runtime: Runtime): Promise<void> {
    const { logger } = this.#surroundings
    const { view, metrics, health, relay } = this.#assembly
    const probes = createProbes(health)
    const { config } = this
    const admin = this.#admin
    try {
      this.#listeners = await openListeners({
        config,
        runtime,
        intake: intakeHandler(relay, config.metrics.onIntake ? { probes, metrics } : null),
        admin: admin === null ? null : (request) => admin.fetch(request),
        ops: opsHandler(probes, metrics),
        emit: (event) => view.emit(event),
        failed: (error) => logger.log({ ...crashLine(error), event: 'handler-failed', message: HANDLER_FAILED }),
      })
    } catch (error) {
      admin?.close()
      throw startErrorOf(error, 'listening')
    }
    for (const [listener, listening] of Object.entries(this.#listeners) as [string, Listeners['ops']][]) {
      if (listening === null) continue
      metrics.watchConnections(listening)
      logger.log({ event: 'listening', message: 'takes connections', fields: { listener, url: listening.url } })
    }
    let away: readonly Away[]
    try {
      away = await openedOrAway(view.workspaces, config)
      this.#dataDir.settle()
    } catch (error) {
      await this.#closeOperators()
      await this.#opened.intake.close({ timeoutMs: 0 })
      throw startErrorOf(error, 'files')
    }
    for (const { workspace, code, message } of away) logger.log({ event: 'store-away', workspace, code, message })
    logger.log({ event: 'started', message: 'takes requests', fields: { workspaces: [...view.workspaces.keys()] } })
  }

  get #opened(): Listeners {
    return this.#listeners!
  }

  get url(): string {
    return this.#opened.intake.url
  }

  get adminUrl(): string | null {
    return this.#opened.admin?.url ?? null
  }

  get opsUrl(): string | null {
    return this.#opened.ops?.url ?? null
  }

  get phase(): RelayPhase {
    return this.#assembly.view.phase
  }

  get config(): RelayConfig {
    return this.#reloading.config
  }

  get closed(): Promise<EndReport> {
    return this.#closed.promise
  }

  shutdown(): Promise<EndReport> {
    if (this.#ending === undefined) this.#closed.resolve(this.#end())
    else this.#ending.hurry()
    return this.closed
  }

  async #end(): Promise<EndReport> {
    const { logger, runtime } = this.#surroundings
    const { readinessDelayMs, shutdownTimeoutMs } = this.config
    const { relay, view } = this.#assembly
    logger.log({ event: 'stopping', message: 'the relay stops', fields: { readinessDelayMs, shutdownTimeoutMs } })
    view.leave()
    const { intake } = this.#opened
    this.#ending = endRelay({ relay, intake, clock: runtime.clock, readinessDelayMs, shutdownTimeoutMs })
    const report = await this.#ending.report
    await this.#closeOperators()
    this.#assembly.end()
    this.#dataDir.leave()
    const remains = Object.values(report.workspaces)
    const fields = {
      waiting: sum(remains.map(({ waiting }) => waiting)),
      deadLetters: sum(remains.map(({ deadLetters }) => deadLetters)),
      reset: report.reset,
      lostLines: logger.lost,
    }
    logger.log({ event: 'stopped', message: 'everything is closed', fields })
    return report
  }

  reload(): Promise<ReloadReport> {
    return this.#reloading.reload()
  }

  async dump(): Promise<void> {
    const { logger, runtime } = this.#surroundings
    const { view, health } = this.#assembly
    const line = await dumpLine({
      view,
      tree: await health.tree(),
      connections: this.#opened.intake.connections,
      uptimeMs: runtime.clock.monotonicMs() - this.#startedMs,
      lostLines: logger.lost,
    })
    logger.log(line)
  }

  #acted({ act, workspace, who, count }: AuditEntry): void {
    this.#surroundings.logger.log({
      event: 'admin',
      ...(workspace === null ? {} : { workspace }),
      message: 'an operator acted',
      // The reason is a text of theirs and may hold anything; it is in the stream of events.
      fields: { act, who, ...(count === null ? {} : { count }) },
    })
  }

  /** Answers about the relay are given as long as it is there. */
  async #closeOperators(): Promise<void> {
    this.#admin?.close()
    const { admin, ops } = this.#opened
    await Promise.all([admin?.close({ timeoutMs: OPERATORS_MS }), ops?.close({ timeoutMs: OPERATORS_MS })])
  }
}

const OPERATORS_MS = 100

const HANDLER_FAILED = 'a request was answered 500 for an error of ours'

function sum(counts: readonly (number | null)[]): number | null {
  return counts.includes(null) ? null : counts.reduce<number>((total, count) => total + (count ?? 0), 0)
}
