/** What the relay alone needs of the process it runs in, beside `Io`: it lives for long, and ends when it says so. */
import type { Destination } from '../logs/destination.ts'
import type { Clock } from '../runtime/clock.ts'
import { logOutput } from '../service/log-output.ts'
import type { ExitCode } from './exit-codes.ts'

export interface ProcessHooks {
  readonly pid: number
  /** Standard output, written so that nobody waits for its reader. */
  readonly logOutput: (clock: Clock) => Destination
  /** Calls `handler` with an error that nobody caught, instead of ending the process. */
  readonly onCrash: (handler: (error: unknown) => void) => void
  /** Ends the process now, whatever is still open. */
  readonly end: (code: ExitCode) => void
}

export const processHooks: ProcessHooks = {
  pid: process.pid,
  logOutput: (clock) => logOutput({ clock }),
  onCrash: (handler) => void process.on('uncaughtException', handler),
  end: (code) => process.exit(code),
}
