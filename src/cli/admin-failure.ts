/** What went wrong between the program and a relay, as the sentence and the number with which a command ends. */
import { AdminError, type AdminErrorCode } from '../admin/admin-error.ts'
import { isHoldfastError } from '../errors.ts'
import { CliError } from './cli-error.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

interface Ending {
  readonly exit: ExitCode
  readonly hint?: string
}

const ENDINGS: Readonly<Record<AdminErrorCode, Ending>> = {
  'invalid-request': { exit: EXIT.usage },
  unauthorized: {
    exit: EXIT.unauthenticated,
    hint: 'Give the token of this relay with --token-file, HOLDFAST_ADMIN_TOKEN or --data-dir (its file admin-token).',
  },
  'foreign-host': { exit: EXIT.forbidden },
  'foreign-origin': { exit: EXIT.forbidden },
  'unknown-route': { exit: EXIT.api, hint: 'The relay may be of another version than this program.' },
  'unknown-workspace': { exit: EXIT.usage },
  'method-not-allowed': { exit: EXIT.api, hint: 'The relay may be of another version than this program.' },
  'count-changed': { exit: EXIT.unsafe },
  'too-many': { exit: EXIT.unsafe },
  'body-too-large': { exit: EXIT.usage },
  'reload-refused': { exit: EXIT.config },
  failed: { exit: EXIT.api, hint: 'The log of the relay says more.' },
  'not-supported': { exit: EXIT.api },
  unavailable: { exit: EXIT.api },
  'too-many-readers': { exit: EXIT.api },
  unreachable: { exit: EXIT.unreachable },
  'bad-answer': { exit: EXIT.api, hint: 'Is something else listening there?' },
  'not-running': { exit: EXIT.unreachable },
}

export function asCliError(error: unknown): unknown {
  if (error instanceof AdminError) {
    const { exit, hint } = ENDINGS[error.code]
    return new CliError(exit, error.code, error.message, hint)
  }
  if (!isHoldfastError(error)) return error
  const hint = error.code === 'OUTBOX_DAMAGED' ? 'See holdfast doctor.' : undefined
  return new CliError(exitOf(error.code), error.code, error.message, hint)
}

function exitOf(code: string): ExitCode {
  if (code === 'OUTBOX_DAMAGED') return EXIT.damaged
  if (code === 'INVALID_OPTIONS') return EXIT.usage
  return code.startsWith('OUTBOX_') ? EXIT.store : EXIT.failed
}
