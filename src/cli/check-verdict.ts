/** A relay's status as monitoring plugins say it: a number, one line, and figures with their thresholds. A pure function. */
import type { AdminStatus } from '../admin/contract.ts'
import { groupedText, spanText } from '../admin/spans.ts'

/** Exit codes of monitoring plugins. */
export const CHECK = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const

export type CheckLevel = keyof typeof CHECK

export interface CheckLimits {
  readonly warnAgeMs: number
  readonly critAgeMs: number
  /** Null: however many. */
  readonly warnDead: number | null
  readonly critDead: number | null
  readonly warnWindowMs: number
  readonly critWindowMs: number
}

export interface CheckResult {
  readonly level: CheckLevel
  readonly line: string
}

const LEVELS: readonly CheckLevel[] = ['ok', 'warning', 'critical']

export function checkOf(status: AdminStatus, limits: CheckLimits): CheckResult {
  const { verdict, workspaces } = status
  const sum = (of: (one: AdminStatus['workspaces'][number]) => number): number =>
    workspaces.reduce((total, one) => total + of(one), 0)
  const waiting = sum(({ health }) => health.queueDepth)
  const dead = sum(({ health }) => health.deadLetters)
  const lost = sum(({ stats }) => stats?.lost ?? 0)
  const ageMs = Math.max(0, ...workspaces.map(({ health }) => health.oldestAgeMs ?? 0))
  const windowMs = Math.min(Infinity, ...workspaces.map(({ health }) => health.campaignWindowLeftMs ?? Infinity))
  const { warnAgeMs, critAgeMs, warnDead, critDead, warnWindowMs, critWindowMs } = limits
  const found: readonly (readonly [CheckLevel, string])[] = [
    [levelOf(status), verdict.text],
    [above(ageMs, warnAgeMs, critAgeMs), `the oldest waits for ${spanText(ageMs)}`],
    [above(dead, warnDead, critDead), `${groupedText(dead)} dead letters`],
    [windowMs <= critWindowMs ? 'critical' : windowMs <= warnWindowMs ? 'warning' : 'ok', windowText(windowMs)],
  ]
  const level = found.map(([one]) => one).reduce((a, b) => (LEVELS.indexOf(b) > LEVELS.indexOf(a) ? b : a))
  // The sentence always; of the limits those that are broken.
  const said = found.filter(([one], index) => index === 0 || one !== 'ok').map(([, text]) => text)
  const figures = [
    `waiting=${waiting};;;0`,
    `oldest_age=${Math.round(ageMs / 1_000)}s;${warnAgeMs / 1_000};${critAgeMs / 1_000};0`,
    `dead=${dead};${warnDead ?? ''};${critDead ?? ''};0`,
    `lost=${lost};;0;0`,
    ...(windowMs === Infinity
      ? []
      : [`campaign_window=${Math.round(windowMs / 1_000)}s;${warnWindowMs / 1_000}:;${critWindowMs / 1_000}:`]),
  ]
  return { level, line: `${level.toUpperCase()} - ${said.join('; ')} | ${figures.join(' ')}`.replaceAll('\n', ' ') }
}

/** What calls for a person now is critical; what mends itself, or somebody chose, is a warning. */
function levelOf({ verdict, offline }: AdminStatus): CheckLevel {
  if (offline !== null) return 'critical'
  switch (verdict.status) {
    case 'ok':
      return 'ok'
    case 'failing':
      return 'critical'
    case 'blocked':
      return verdict.code === 'paused' ? 'warning' : 'critical'
    default:
      return 'warning'
  }
}

function above(value: number, warn: number | null, crit: number | null): CheckLevel {
  if (crit !== null && value >= crit) return 'critical'
  return warn !== null && value >= warn ? 'warning' : 'ok'
}

function windowText(leftMs: number): string {
  return leftMs <= 0 ? 'events that wait are too old for campaigns' : `${spanText(leftMs)} left of the campaign window`
}
