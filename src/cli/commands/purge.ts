import { type Command, Option } from 'commander'

import type { AdminClient, PurgeReport } from '../../admin/contract.ts'
import { countText } from '../../admin/spans.ts'
import { type ConnectionOptions, operatorCommand, withRelay } from '../connection.ts'
import { consent, type ConsentOptions, withConsent } from '../consent.ts'
import type { Io } from '../io.ts'
import { report } from '../report.ts'
import { actOn, type WorkspaceOptions } from '../workspace-choice.ts'

interface PurgeOptions extends ConnectionOptions, WorkspaceOptions, ConsentOptions {
  readonly person: string
}

type Purged = PurgeReport & { readonly workspace: string }

export function purgeCommand(io: Io): Command {
  return withConsent(
    operatorCommand('purge', 'remove everything that is stored of one person, waiting and dead, for good')
      .addOption(new Option('--person <id>', 'whose, as named in the calls').makeOptionMandatory())
      .addOption(new Option('-w, --workspace <name>', 'of this one; needed where there are several'))
      .addOption(new Option('--all', 'of all workspaces')),
  ).action(async (_options, command: Command) => {
    const options = command.optsWithGlobals<PurgeOptions>()
    await withRelay(io, options, (client) => purge(io, client, options))
  })
}

async function purge(io: Io, client: AdminClient, options: PurgeOptions): Promise<void> {
  const names = await actOn(client, options)
  const look = await onEach(client, names, options, true)
  const matched = look.reduce((sum, one) => sum + one.matched, 0)
  if (options.dryRun === true) {
    return report(io, options, { workspaces: look }, () => `Would remove ${countText(matched, 'operation')}.`)
  }
  // Also where nothing was found: what comes between the look and the act is to go as well.
  const act = `Remove ${countText(matched, 'operation')} of this person in ${names.join(', ')}`
  await consent(io, options, act, String(matched))
  const done = await onEach(client, names, options, false)
  const removed = done.reduce((sum, one) => sum + one.done, 0)
  report(io, options, { workspaces: done }, () => `${countText(removed, 'operation')} removed.`)
}

async function onEach(
  client: AdminClient,
  names: readonly string[],
  { person, reason }: PurgeOptions,
  dryRun: boolean,
): Promise<readonly Purged[]> {
  const reports: Purged[] = []
  const command = { person, dryRun, ...(reason === undefined ? {} : { reason }) }
  for (const workspace of names) reports.push({ workspace, ...(await client.purge(workspace, command)) })
  return reports
}
