/** What a command may touch: where it writes, what it reads, when it ends. Tests give their own. */
import type { Runtime } from '../runtime/runtime.ts'
import type { ExitCode } from './exit-codes.ts'

export interface Output {
  write(text: string): void
  /** Somebody looks at it. */
  readonly isTerminal: boolean
  /** Characters in a line. */
  readonly columns: number
}

export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  readonly stdin: NodeJS.ReadableStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly runtime: Runtime
  /** Calls `handler` at each such signal until the returned function is called. */
  readonly onSignal: (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR2', handler: () => void) => () => void
  /** The number with which the program ends, if nothing throws. */
  readonly exitWith: (code: ExitCode) => void
}
