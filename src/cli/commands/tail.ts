import { type Command, Option } from 'commander'

import { AdminError } from '../../admin/admin-error.ts'
import type { AdminClient, EventFilter, StreamItem } from '../../admin/contract.ts'
import { sleep } from '../../runtime/clock.ts'
import { type ConnectionOptions, operatorCommand, withRelay } from '../connection.ts'
import { eventText } from '../event-text.ts'
import type { Io } from '../io.ts'
import { type Step, trailOf } from '../person-trail.ts'
import { wantsJson } from '../report.ts'
import { untilSignal } from '../until-signal.ts'
import { readFrom, type WorkspaceOptions } from '../workspace-choice.ts'

interface TailOptions extends ConnectionOptions, WorkspaceOptions {
  readonly type?: string
  readonly person?: string
}

const RECONNECT_MS = 1_000

export function tailCommand(io: Io): Command {
  return operatorCommand('tail', 'what happens, as it happens, until it is interrupted')
    .addOption(new Option('-w, --workspace <name>', 'of this one alone'))
    .addOption(new Option('--type <types>', 'events of these types alone, for example dead-letter,circuit'))
    .addOption(
      new Option(
        '--person <id>',
        'what becomes of this person’s operations, looked at each second: what is delivered sooner is not seen',
      ).conflicts('type'),
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<TailOptions>()
      await withRelay(io, options, async (client) => {
        const names = await readFrom(client, options)
        await untilSignal(io, (signal) => follow(io, client, options, names, signal))
      })
    })
}

async function follow(
  io: Io,
  client: AdminClient,
  options: TailOptions,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const json = wantsJson(io, options)
  const source = (): AsyncIterable<StreamItem | Step> =>
    options.person === undefined
      ? client.events(filterOf(options), signal)
      : trailOf(client, names, options.person, io.runtime, signal)
  const say = (state: 'lost' | 'back', text: string): void => {
    if (json) io.stdout.write(`${JSON.stringify({ kind: 'connection', state, atMs: io.runtime.clock.wallMs() })}\n`)
    else io.stderr.write(`holdfast: ${text}\n`)
  }
  for (;;) {
    try {
      for await (const item of source()) io.stdout.write(`${json ? JSON.stringify(item) : eventText(item)}\n`)
    } catch (error) {
      if (!isUnreachable(error)) throw error
    }
    if (signal.aborted) return
    say('lost', `the relay at ${client.source} has gone; waiting for it`)
    await comeback(io, client, signal)
    if (signal.aborted) return
    say('back', 'the relay is back; what happened meanwhile is missing here')
  }
}

async function comeback(io: Io, client: AdminClient, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(io.runtime.clock, RECONNECT_MS, signal, 'held')
    try {
      await client.about()
      return
    } catch (error) {
      if (!isUnreachable(error)) throw error
    }
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof AdminError && error.code === 'unreachable'
}

function filterOf({ workspace, type }: TailOptions): EventFilter {
  return {
    ...(workspace === undefined ? {} : { workspace }),
    ...(type === undefined ? {} : { types: type.split(',') }),
  }
}
