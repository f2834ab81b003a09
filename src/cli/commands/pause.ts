import { type Command, Option } from 'commander'

import type { AdminClient, PauseReport } from '../../admin/contract.ts'
import { asCliError } from '../admin-failure.ts'
import { CliError } from '../cli-error.ts'
import { type ConnectionOptions, operatorCommand, withRelay } from '../connection.ts'
import { consent, type ConsentOptions, withConsent } from '../consent.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { report } from '../report.ts'
import { actOn, type WorkspaceOptions } from '../workspace-choice.ts'

interface PauseOptions extends ConnectionOptions, WorkspaceOptions, ConsentOptions {}

type Act = 'pause' | 'resume'

export function pauseCommand(io: Io): Command {
  return actCommand(io, 'pause', 'stop delivering; calls are taken and stored. Holds across restarts')
}

export function resumeCommand(io: Io): Command {
  return actCommand(io, 'resume', 'deliver again after a pause')
}

function actCommand(io: Io, act: Act, description: string): Command {
  return withConsent(
    operatorCommand(act, description)
      .addOption(new Option('-w, --workspace <name>', 'this one; needed where there are several'))
      .addOption(new Option('--all', 'all workspaces')),
  ).action(async (_options, command: Command) => {
    const options = command.optsWithGlobals<PauseOptions>()
    await withRelay(io, options, async (client) => {
      const names = await actOn(client, options)
      const what = `delivery of ${names.length === 1 ? names[0] : `all ${names.length} workspaces`}`
      if (options.dryRun === true) {
        return report(io, options, { act, workspaces: names, dryRun: true }, () => `Would ${act} ${what}.`)
      }
      await consent(io, options, `${act === 'pause' ? 'Pause' : 'Resume'} ${what}`)
      await actOnEach(io, client, act, names, options)
    })
  })
}

/** What is done stays done, and is said, also when another one fails. */
async function actOnEach(
  io: Io,
  client: AdminClient,
  act: Act,
  names: readonly string[],
  options: PauseOptions,
): Promise<void> {
  const reports: PauseReport[] = []
  let failure: unknown
  for (const name of names) {
    try {
      reports.push(await client[act](name, options.reason ?? null))
    } catch (error) {
      failure ??= error
    }
  }
  if (reports.length === 0 && failure !== undefined) throw asCliError(failure)
  report(io, options, { act, workspaces: reports }, () => reports.map((one) => doneText(act, one, client)).join('\n'))
  if (failure !== undefined) {
    const message = `${names.length - reports.length} of ${names.length} workspaces failed: ${messageOf(failure)}`
    throw new CliError(EXIT.partial, 'partial', message)
  }
}

function doneText(act: Act, { workspace, changed }: PauseReport, { isOffline }: AdminClient): string {
  const when = isOffline ? ', from its next start on' : ''
  if (act === 'resume') return changed ? `${workspace}: resumed${when}.` : `${workspace}: was not paused.`
  return changed ? `${workspace}: paused${when}; calls are stored.` : `${workspace}: was paused already.`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'for a reason that is not known'
}
