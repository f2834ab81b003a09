import { type Command, Option } from 'commander'

import type { DeadAsk, DeadGroups, DeadPage, ShownDead } from '../../admin/contract.ts'
import { DEAD_REASONS } from '../../admin/request-fields.ts'
import { groupedText, spanText } from '../../admin/spans.ts'
import { agoText } from '../amounts.ts'
import { type ConnectionOptions, operatorCommand, withRelay } from '../connection.ts'
import type { Io } from '../io.ts'
import {
  askOf,
  type ListOptions,
  moreText,
  notFound,
  operationText,
  showOneCommand,
  type ShowOptions,
  whatOf,
  withListOptions,
} from '../listing.ts'
import { report } from '../report.ts'
import { table } from '../table.ts'
import { readFrom, type WorkspaceOptions } from '../workspace-choice.ts'

interface DeadListOptions extends ListOptions {
  readonly cause?: (typeof DEAD_REASONS)[number]
}

type Page = DeadPage & { readonly workspace: string }
type Groups = DeadGroups & { readonly workspace: string }

export function causeOption(): Option {
  return new Option('--cause <reason>', 'that died of this').choices([...DEAD_REASONS])
}

export function deadListCommand(io: Io): Command {
  return withListOptions(operatorCommand('ls', 'dead letters, the oldest first'))
    .addOption(causeOption())
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<DeadListOptions>()
      await withRelay(io, options, async (client) => {
        const names = await readFrom(client, options)
        const cause = options.cause === undefined ? {} : { reason: options.cause }
        const ask: DeadAsk = { ...askOf(options, names), ...cause }
        const pages: Page[] = []
        for (const workspace of names) pages.push({ workspace, ...(await client.dead(workspace, ask)) })
        report(io, options, { pages }, () => pagesText(pages, io.runtime.clock.wallMs()))
      })
    })
}

export function deadGroupsCommand(io: Io): Command {
  return operatorCommand('groups', 'dead letters by what they died of, the most first')
    .addOption(new Option('-w, --workspace <name>', 'of this one alone'))
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions & WorkspaceOptions>()
      await withRelay(io, options, async (client) => {
        const all: Groups[] = []
        for (const workspace of await readFrom(client, options)) {
          all.push({ workspace, ...(await client.deadGroups(workspace)) })
        }
        report(io, options, { workspaces: all }, () => groupsText(all, io.runtime.clock.wallMs()))
      })
    })
}

export function deadShowCommand(io: Io): Command {
  return showOneCommand('one dead letter: why it died, and its request').action(
    async (id: string, _options, command: Command) => {
      const options = command.optsWithGlobals<ShowOptions>()
      await withRelay(io, options, async (client) => {
        for (const workspace of await readFrom(client, options)) {
          const { deadLetters } = await client.dead(workspace, { id, limit: 1, reveal: options.reveal === true })
          const [letter] = deadLetters
          if (letter === undefined) continue
          return report(io, options, { workspace, ...letter }, () =>
            letterText(workspace, letter, io.runtime.clock.wallMs()),
          )
        }
        throw notFound(id, 'the list of dead letters')
      })
    },
  )
}

function letterText(workspace: string, letter: ShownDead, nowMs: number): string {
  return operationText(workspace, letter, nowMs, [
    ['died', agoText(letter.diedAtMs, nowMs)],
    ['reason', reasonText(letter)],
    ['message', letter.message ?? '-'],
  ])
}

function reasonText({ reason, status, field }: Pick<ShownDead, 'reason' | 'status' | 'field'>): string {
  return [reason, ...(status === null ? [] : [`(${status})`]), ...(field === null ? [] : [`field ${field}`])].join(' ')
}

function pagesText(pages: readonly Page[], nowMs: number): string {
  const rows = pages.flatMap(({ workspace, deadLetters }) =>
    deadLetters.map((one) => [
      one.id,
      workspace,
      one.position,
      whatOf(one),
      one.person ?? '-',
      reasonText(one),
      `${spanText(nowMs - one.diedAtMs)} ago`,
      one.message ?? '',
    ]),
  )
  if (rows.length === 0) return 'No dead letters.'
  const titles = ['ID', 'WORKSPACE', 'POSITION', 'WHAT', 'PERSON', 'REASON', 'DIED', 'MESSAGE']
  const columns = titles.map((title) => ({ title }))
  return table(columns, rows) + pages.map(({ workspace, after }) => moreText(workspace, after)).join('')
}

function groupsText(all: readonly Groups[], nowMs: number): string {
  const rows = all.flatMap(({ workspace, groups }) =>
    groups.map((group) => [
      groupedText(group.count),
      workspace,
      group.type,
      reasonText(group),
      `${spanText(nowMs - group.firstAtMs)} ago`,
      `${spanText(nowMs - group.lastAtMs)} ago`,
      group.sampleId,
      group.sampleMessage ?? '',
    ]),
  )
  if (rows.length === 0) return 'No dead letters.'
  const columns = [
    { title: 'COUNT', align: 'right' as const },
    ...['WORKSPACE', 'TYPE', 'REASON', 'FIRST', 'LAST', 'SAMPLE', 'MESSAGE'].map((title) => ({ title })),
  ]
  const cut = all.filter(({ complete }) => !complete)
  const notes = cut.map(
    ({ workspace, scanned }) => `\n${workspace}: there are more; ${groupedText(scanned)} were looked through.`,
  )
  return table(columns, rows) + notes.join('')
}
