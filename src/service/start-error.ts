/** Why a relay did not start, in the words that decide how the process ends. */
import { codeOf, isHoldfastError, ListenError, OptionsError } from '../errors.ts'

/** `config`: what it was told cannot be. `store`: its files cannot be used. `taken`: another process has what only one can have. */
export type StartProblem = 'config' | 'store' | 'taken'

export class StartError extends Error {
  override readonly name = 'StartError'
  readonly code: string = 'START_FAILED'
  readonly problem: StartProblem
  /** The code of what happened. */
  readonly because: string

  constructor(problem: StartProblem, because: string, message: string, cause: unknown) {
    super(message, { cause })
    this.problem = problem
    this.because = because
  }
}

/** @param during `files` for what the disk says, whoever throws it */
export function startErrorOf(error: unknown, during: 'files' | 'listening'): StartError {
  const message = error instanceof Error ? error.message : 'something failed'
  // A package that a kind of outbox needs is missing, or an option is wrong.
  if (error instanceof OptionsError) return new StartError('config', error.code, message, error)
  if (during === 'files') return new StartError('store', storeCodeOf(error), message, error)
  if (!(error instanceof ListenError)) return new StartError('config', codeOf(error), message, error)
  return new StartError(error.code === 'EADDRINUSE' ? 'taken' : 'config', error.code, message, error)
}

function storeCodeOf(error: unknown): string {
  if (isHoldfastError(error)) return error.code
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}
