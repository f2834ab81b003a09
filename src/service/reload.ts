/**
 * A new configuration for a running relay. It is read, checked and compared; then what can be applied is applied, in an
 * order in which the first thing that can fail comes first. On any problem everything stays as it was.
 */
import { diffConfig, type LoadedConfig, type RelayConfig } from '../config/index.ts'

export interface ReloadReport {
  /** Paths of the configuration that are in use from now on. */
  readonly applied: readonly string[]
  /** Paths that differ from what the process was started with, and hold after a restart only. */
  readonly restart: readonly string[]
}

/** The relay has these from its making. */
const MADE_WITH: ReadonlySet<string> = new Set(['limits.bodyBytesMax', 'limits.inFlightMax', 'defaultWorkspace'])

export interface ReloadPlan extends ReloadReport {
  readonly next: RelayConfig
}

/**
 * @param booted what the process was started with
 * @param now what is in use
 */
export function planReload(booted: RelayConfig, now: RelayConfig, next: LoadedConfig): ReloadPlan {
  const sinceBoot = diffConfig(booted, next.config)
  return {
    next: next.config,
    applied: diffConfig(now, next.config).reload.filter((path) => !MADE_WITH.has(path)),
    restart: [...sinceBoot.restart, ...sinceBoot.reload.filter((path) => MADE_WITH.has(path))],
  }
}
