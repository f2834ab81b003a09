/** What a command says: JSON for programs, text for people. */
import type { Io } from './io.ts'

export interface GlobalOptions {
  /** `--json` or `--no-json`; otherwise JSON where nobody looks. */
  readonly json?: boolean
}

export function wantsJson(io: Io, options: GlobalOptions): boolean {
  return options.json ?? !io.stdout.isTerminal
}

/** One answer of a command. */
export function report(io: Io, options: GlobalOptions, value: unknown, text: () => string): void {
  io.stdout.write(wantsJson(io, options) ? `${JSON.stringify(value)}\n` : withLineEnd(text()))
}

function withLineEnd(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
