import { type Command, Option } from 'commander'

import type { AdminClient, DeadChoice, DeadFilter, ResolveReport } from '../../admin/contract.ts'
import type { DEAD_REASONS } from '../../admin/request-fields.ts'
import { countText, groupedText } from '../../admin/spans.ts'
import { wholeNumber } from '../arguments.ts'
import { CliError } from '../cli-error.ts'
import { type ConnectionOptions, operatorCommand, withRelay } from '../connection.ts'
import { consent, type ConsentOptions, withConsent } from '../consent.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { report } from '../report.ts'
import { oneOf, type WorkspaceOptions } from '../workspace-choice.ts'
import { causeOption } from './dead-look.ts'

interface ResolveOptions extends ConnectionOptions, WorkspaceOptions, ConsentOptions {
  readonly cause?: (typeof DEAD_REASONS)[number]
  readonly type?: string
  readonly status?: number
  readonly field?: string
  readonly person?: string
}

type How = 'replay' | 'drop'

export function deadReplayCommand(io: Io): Command {
  return resolveCommand(io, 'replay', 'send dead letters again, at the end of what waits, with their ids and times')
}

export function deadDropCommand(io: Io): Command {
  return resolveCommand(io, 'drop', 'remove dead letters for good')
}

function resolveCommand(io: Io, how: How, description: string): Command {
  return withConsent(
    operatorCommand(how, description)
      .argument('[ids...]', 'of operations; otherwise by filter, or --all')
      .addOption(new Option('-w, --workspace <name>', 'of this one; needed where there are several'))
      .addOption(causeOption())
      .addOption(new Option('--type <type>', 'of this type of call'))
      .addOption(new Option('--status <status>', 'that got this answer').argParser(wholeNumber(100, 599)))
      .addOption(new Option('--field <field>', 'that were refused for this field'))
      .addOption(new Option('--person <id>', 'of this person'))
      .addOption(new Option('--all', 'all dead letters of the workspace')),
  ).action(async (ids: readonly string[], _options, command: Command) => {
    const options = command.optsWithGlobals<ResolveOptions>()
    await withRelay(io, options, (client) => resolve(io, client, how, ids, options))
  })
}

async function resolve(
  io: Io,
  client: AdminClient,
  how: How,
  ids: readonly string[],
  options: ResolveOptions,
): Promise<void> {
  const workspace = await oneOf(client, options)
  const choice = await choiceOf(client, workspace, ids, options)
  const preview = await client.resolveDead(workspace, how, { choice, dryRun: true })
  const count = preview.matched
  if (options.dryRun === true || count === 0) {
    return report(io, options, { workspace, how, ...preview }, () =>
      count === 0 ? 'No dead letter matches.' : `Would ${how} ${countText(count, 'dead letter')} of ${workspace}.`,
    )
  }
  const act = `${how === 'replay' ? 'Replay' : 'Drop'} ${countText(count, 'dead letter')} of ${workspace}`
  await consent(io, options, act, how === 'drop' ? String(count) : undefined)
  const done = await client.resolveDead(workspace, how, {
    choice,
    expectedCount: count,
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  })
  report(io, options, { workspace, how, ...done }, () => doneText(how, workspace, done))
  if (done.done < done.matched) io.exitWith(EXIT.partial)
}

/** Positions for ids, for an id may have died more than once. */
async function choiceOf(
  client: AdminClient,
  workspace: string,
  ids: readonly string[],
  options: ResolveOptions,
): Promise<DeadChoice> {
  const { cause, type, status, field, person, all } = options
  const filter: DeadFilter = {
    ...(cause === undefined ? {} : { reason: cause }),
    ...(type === undefined ? {} : { type }),
    ...(status === undefined ? {} : { status }),
    ...(field === undefined ? {} : { field }),
    ...(person === undefined ? {} : { person }),
  }
  const isFiltered = Object.keys(filter).length > 0
  if ([ids.length > 0, isFiltered, all === true].filter(Boolean).length > 1) {
    throw new CliError(EXIT.usage, 'ambiguous', 'either ids, or a filter, or --all')
  }
  if (isFiltered) return { all: true, filter }
  if (all === true) return { all: true }
  if (ids.length === 0) {
    throw new CliError(
      EXIT.unsafe,
      'needs-all',
      'which dead letters? Give ids or a filter, or --all for all of the workspace',
    )
  }
  const positions: string[] = []
  for (const id of new Set(ids)) {
    const { deadLetters } = await client.dead(workspace, { id })
    if (deadLetters.length === 0) throw new CliError(EXIT.failed, 'not-found', `${workspace} has no dead letter ${id}`)
    positions.push(...deadLetters.map(({ position }) => position))
  }
  return { positions }
}

function doneText(how: How, workspace: string, { matched, done }: ResolveReport): string {
  const what = `${countText(done, 'dead letter')} of ${workspace}`
  const text = how === 'replay' ? `${what} put back; they are sent in their turn.` : `${what} dropped.`
  return done === matched ? text : `${text} ${groupedText(matched - done)} had gone meanwhile.`
}
