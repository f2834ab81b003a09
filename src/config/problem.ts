/** What is wrong with a configuration: every problem at once, each with its place, what was found and what may stand there. */
import { HoldfastError } from '../errors.ts'

export type ProblemCode = 'syntax' | 'unknown' | 'wrong' | 'missing' | 'unreadable' | 'conflict'

export interface ConfigProblem {
  readonly code: ProblemCode
  /** Of the setting, as the file writes it: `workspaces.shop.region`. Empty for the file as a whole. */
  readonly path: string
  /** Never holds a secret. */
  readonly message: string
  /** `relay.yaml:3:9`, `HOLDFAST_REGION`, `--listen-port`; `null` for what is nowhere. */
  readonly where: string | null
  /** What to do about it. */
  readonly hint?: string
}

/** So many are told. */
const TOLD_MAX = 50

/**
 * The configuration cannot be used. `problems` holds every one of its problems; the message has a line for each.
 * A process that cannot start for it ends with 78.
 */
export class ConfigError extends HoldfastError {
  override readonly name = 'ConfigError'
  readonly code = 'INVALID_CONFIG'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly [ConfigProblem, ...ConfigProblem[]]) {
    super(describeProblems(problems))
    this.problems = problems
  }
}

export function describeProblems(problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  const lines = problems.slice(0, TOLD_MAX).map(line)
  if (problems.length > TOLD_MAX) lines.push(`  and ${problems.length - TOLD_MAX} more`)
  return [`the configuration has ${count}:`, ...lines].join('\n')
}

function line({ where, path, message, hint }: ConfigProblem): string {
  const place = [where, path === '' ? null : path].filter((part) => part !== null).join(': ')
  const first = `  ${place === '' ? '' : `${place}: `}${message}`
  return hint === undefined ? first : `${first}\n    ${hint}`
}
