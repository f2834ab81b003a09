/**
 * Acts that change something: each can be looked at first (`--dry-run`), has a reason, and is asked for with its count.
 * Where nobody can be asked it needs `--yes`; what concerns everything needs `--all` besides.
 */
import { createInterface } from 'node:readline'

import { type Command, Option } from 'commander'

import { REASON_CHARS_MAX } from '../admin/contract.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'

export interface ConsentOptions {
  readonly dryRun?: boolean
  readonly reason?: string
  readonly yes?: boolean
}

export function withConsent(command: Command): Command {
  return command
    .addOption(new Option('--dry-run', 'say what would be done, and do nothing'))
    .addOption(new Option('--reason <text>', 'why, for the audit').argParser(reasonArgument))
    .addOption(new Option('-y, --yes', 'do not ask'))
}

function reasonArgument(text: string): string {
  if (text !== '' && text.length <= REASON_CHARS_MAX) return text
  throw new CliError(EXIT.usage, 'invalid-reason', `--reason: must be 1 to ${REASON_CHARS_MAX} characters long`)
}

/**
 * Asks, unless `--yes`. Throws a `CliError` where the answer is no, or nobody can be asked.
 * @param act for example `Replay 412 dead letters of shop`
 * @param typed what must be typed to agree; a plain yes is enough without it
 */
export async function consent(io: Io, options: ConsentOptions, act: string, typed?: string): Promise<void> {
  if (options.yes === true) return
  const isAnswered = (io.stdin as { readonly isTTY?: boolean }).isTTY === true && io.stderr.isTerminal
  if (!isAnswered) {
    const message = `${act}: not without being asked`
    throw new CliError(EXIT.unsafe, 'needs-yes', message, 'Look first with --dry-run, then add --yes.')
  }
  io.stderr.write(typed === undefined ? `${act}? [y/N] ` : `${act}? It cannot be undone. Type ${typed} to go on: `)
  const answer = await lineOf(io)
  const agreed = typed === undefined ? /^y(?:es)?$/i.test(answer) : answer === typed
  if (!agreed) throw new CliError(EXIT.unsafe, 'not-agreed', 'nothing was done')
}

/** What is typed up to the end of the line, or to the end of all; an interrupt is no answer. */
function lineOf(io: Io): Promise<string> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: io.stdin })
    const done = (answer: string): void => {
      // First, for the end of the lines is an answer too.
      resolve(answer.trim())
      stop()
      lines.close()
    }
    const stop = io.onSignal('SIGINT', () => {
      io.stderr.write('\n')
      done('')
    })
    lines.once('line', done)
    lines.once('close', () => done(''))
  })
}
