import type { ExitCode } from './exit-codes.ts'

/** Ends a command with a sentence for people and a number for scripts. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: ExitCode
  /** Stable word for `--json`. */
  readonly code: string
  /** What to do about it. */
  readonly hint: string | undefined

  constructor(exitCode: ExitCode, code: string, message: string, hint?: string) {
    super(message)
    this.exitCode = exitCode
    this.code = code
    this.hint = hint
  }
}
