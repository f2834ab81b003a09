/**
 * A new configuration for a running relay. It is read, checked and compared; then what can be applied is applied, in an
 * order in which the first thing that can fail comes first. On any problem everything stays as it was.
 */
import { ConfigError, diffConfig, type LoadedConfig, type RelayConfig } from '../config/index.ts'
import { codeOf } from '../errors.ts'
import type { Listening } from '../http/listen.ts'
import type { Logger } from '../logs/logger.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Assembly } from './assembly.ts'
import { tlsOf } from './listeners.ts'
import { heldTo, secretsOf } from './workspaces.ts'

export interface ReloadReport {
  /** Paths of the configuration that are in use from now on. */
  readonly applied: readonly string[]
  /** Paths that differ from what the process was started with, and hold after a restart only. */
  readonly restart: readonly string[]
}

export interface ReloadPlan extends ReloadReport {
  readonly next: RelayConfig
}

/**
 * @param booted what the process was started with
 * @param now what is in use
 */
export function planReload(booted: RelayConfig, now: RelayConfig, next: LoadedConfig): ReloadPlan {
  const taken = heldTo(booted, next.config)
  return {
    next: taken,
    applied: diffConfig(now, taken).reload,
    // What differs only because it was not taken over, also where a reload could else have applied it.
    restart: [...new Set([...diffConfig(booted, next.config).restart, ...diffConfig(taken, next.config).reload])],
  }
}

export interface Reloading {
  /** What is in use. */
  readonly config: RelayConfig
  /** One after the other. Rejects with what is wrong, and everything stays as it was. */
  reload(): Promise<ReloadReport>
}

export interface ReloadingParts {
  readonly runtime: Runtime
  readonly logger: Logger
  readonly load: () => LoadedConfig
  readonly assembly: Pick<Assembly, 'relay' | 'metrics' | 'workspacesOf'>
  readonly intake: () => Pick<Listening, 'changeTls'>
  /** Of the admin API; no line shows it. */
  readonly token: string | null
}

export function createReloading(booted: RelayConfig, parts: ReloadingParts): Reloading {
  return new ReloadingRelay(booted, parts)
}

class ReloadingRelay implements Reloading {
  config: RelayConfig
  readonly #booted: RelayConfig
  readonly #parts: ReloadingParts
  #before: Promise<unknown> = Promise.resolve()

  constructor(booted: RelayConfig, parts: ReloadingParts) {
    this.#booted = booted
    this.config = booted
    this.#parts = parts
  }

  reload(): Promise<ReloadReport> {
    const report = this.#before.then(() => this.#reload())
    this.#before = report.catch(() => {})
    return report
  }

  async #reload(): Promise<ReloadReport> {
    const { logger, assembly } = this.#parts
    try {
      const plan = planReload(this.#booted, this.config, this.#parts.load())
      await this.#apply(plan)
      assembly.metrics.configLoaded(true)
      const { applied, restart } = plan
      logger.log({ event: 'reloaded', message: 'the new configuration is in use', fields: { changed: applied } })
      if (restart.length > 0) {
        const message = 'some changes hold after a restart only'
        logger.log({ event: 'restart-needed', message, fields: { changed: restart } })
      }
      return { applied, restart }
    } catch (error) {
      assembly.metrics.configLoaded(false)
      logger.log({
        event: 'reload-refused',
        code: codeOf(error),
        message: 'the configuration was refused; the old one stays',
        fields: { problems: problemsOf(error) },
      })
      throw error
    }
  }

  async #apply({ next }: ReloadPlan): Promise<void> {
    const { logger, runtime, assembly, intake, token } = this.#parts
    const speaksTls = this.#booted.listen.tls !== null && next.listen.tls !== null
    // Also where no path has changed: the files behind them are renewed under their old names.
    const tls = speaksTls ? tlsOf(next, runtime) : null
    // Before the first line that could show a new one.
    logger.hide([...secretsOf(this.config), ...secretsOf(next), ...(token === null ? [] : [token])])
    await assembly.relay.reconfigure(assembly.workspacesOf(next))
    if (tls !== null) {
      intake().changeTls({ ...tls, requireClientCert: this.#booted.listen.tls?.requireClientCert === true })
    }
    logger.level = next.log.level
    this.config = next
  }
}

/** In words that hold no secret. */
function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) {
    return error.problems.map(({ where, path, message }) => [where, path, message].filter(Boolean).join(': '))
  }
  return [error instanceof Error ? error.message : 'something failed']
}
