import { Command } from 'commander'

import type { AdminClient, QueuePage, ShownWaiting } from '../../admin/contract.ts'
import { spanText } from '../../admin/spans.ts'
import { agoText } from '../amounts.ts'
import { operatorCommand, withRelay } from '../connection.ts'
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
import { readFrom } from '../workspace-choice.ts'

type Page = QueuePage & { readonly workspace: string }

export function queueCommand(io: Io): Command {
  return new Command('queue')
    .description('what waits for delivery')
    .addCommand(listCommand(io))
    .addCommand(showCommand(io))
}

function listCommand(io: Io): Command {
  return withListOptions(operatorCommand('ls', 'operations that wait, the oldest first')).action(
    async (_options, command: Command) => {
      const options = command.optsWithGlobals<ListOptions>()
      await withRelay(io, options, async (client) => {
        const names = await readFrom(client, options)
        const ask = askOf(options, names)
        const pages: Page[] = []
        for (const workspace of names) pages.push({ workspace, ...(await client.queue(workspace, ask)) })
        report(io, options, { pages }, () => pagesText(pages, io.runtime.clock.wallMs()))
      })
    },
  )
}

function showCommand(io: Io): Command {
  return showOneCommand('one operation that waits, with its request').action(
    async (id: string, _options, command: Command) => {
      const options = command.optsWithGlobals<ShowOptions>()
      await withRelay(io, options, async (client) => {
        const { workspace, operation } = await findWaiting(client, options, id)
        report(io, options, { workspace, ...operation }, () => {
          const nowMs = io.runtime.clock.wallMs()
          const { priority, expiresAtMs, campaignAtMs } = operation
          return operationText(workspace, operation, nowMs, [
            ['priority', priority],
            ['expires', expiresAtMs === null ? 'never' : agoText(expiresAtMs, nowMs)],
            ['campaigns', campaignAtMs === null ? '-' : `window runs from ${agoText(campaignAtMs, nowMs)}`],
          ])
        })
      })
    },
  )
}

async function findWaiting(
  client: AdminClient,
  options: ShowOptions,
  id: string,
): Promise<{ readonly workspace: string; readonly operation: ShownWaiting }> {
  for (const workspace of await readFrom(client, options)) {
    const { operations } = await client.queue(workspace, { id, limit: 1, reveal: options.reveal === true })
    if (operations[0] !== undefined) return { workspace, operation: operations[0] }
  }
  throw notFound(id, 'the queue')
}

function pagesText(pages: readonly Page[], nowMs: number): string {
  const rows = pages.flatMap(({ workspace, operations }) =>
    operations.map((one) => [
      one.id,
      workspace,
      whatOf(one),
      one.person ?? '-',
      spanText(nowMs - one.acceptedAtMs),
      String(one.attempts),
      one.priority,
    ]),
  )
  if (rows.length === 0) return 'Nothing waits.'
  const columns = [
    { title: 'ID' },
    { title: 'WORKSPACE' },
    { title: 'WHAT' },
    { title: 'PERSON' },
    { title: 'WAITS', align: 'right' as const },
    { title: 'TRIES', align: 'right' as const },
    { title: 'PRIORITY' },
  ]
  return table(columns, rows) + pages.map(({ workspace, after }) => moreText(workspace, after)).join('')
}
