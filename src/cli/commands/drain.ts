import { type Command, Option } from 'commander'

import type { AdminClient } from '../../admin/contract.ts'
import { countText, groupedText, spanText } from '../../admin/spans.ts'
import { durationMs } from '../arguments.ts'
import { type ConnectionOptions, operatorCommand, withRelay } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { report, wantsJson } from '../report.ts'
import { untilSignal } from '../until-signal.ts'
import { readFrom, type WorkspaceOptions } from '../workspace-choice.ts'

interface DrainOptions extends ConnectionOptions, WorkspaceOptions {
  readonly timeout: number
}

/** Of one question; between two of them the progress is shown. */
const LOOK_MS = 1_000
const CLEAR_LINE = '\r\u001b[K'

export function drainCommand(io: Io): Command {
  return operatorCommand('drain', 'wait until nothing waits for delivery; ends with 10 when the time is over first')
    .addOption(new Option('-w, --workspace <name>', 'this one alone'))
    .addOption(new Option('--timeout <span>', 'how long to wait').argParser(durationMs).default(300_000, '5m'))
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<DrainOptions>()
      await withRelay(io, options, (client) => untilSignal(io, (signal) => drain(io, client, options, signal)))
    })
}

async function drain(io: Io, client: AdminClient, options: DrainOptions, signal: AbortSignal): Promise<void> {
  const { clock } = io.runtime
  const names = await readFrom(client, options)
  const startMs = clock.monotonicMs()
  const endMs = startMs + options.timeout
  const shows = io.stderr.isTerminal && !wantsJson(io, options)
  let waiting: Readonly<Record<string, number>> = {}
  let total = Infinity
  while (total > 0 && !signal.aborted) {
    const leftMs = Math.max(0, endMs - clock.monotonicMs())
    const looks = names.map(
      async (name) => [name, (await client.drain(name, Math.min(LOOK_MS, leftMs))).waiting] as const,
    )
    waiting = Object.fromEntries(await Promise.all(looks))
    total = Object.values(waiting).reduce((sum, count) => sum + count, 0)
    if (shows) io.stderr.write(`${CLEAR_LINE}${groupedText(total)} waiting, ${spanText(clock.monotonicMs() - startMs)}`)
    if (leftMs === 0) break
  }
  if (shows) io.stderr.write(CLEAR_LINE)
  const drained = total === 0
  const tookMs = Math.round(clock.monotonicMs() - startMs)
  report(io, options, { drained, waiting, tookMs }, () =>
    drained
      ? `Nothing waits any more, after ${spanText(tookMs)}.`
      : `${countText(total, 'operation')} still waiting after ${spanText(tookMs)}${names.length > 1 ? ` (${partsText(waiting)})` : ''}.`,
  )
  if (!drained) io.exitWith(EXIT.timeout)
}

function partsText(waiting: Readonly<Record<string, number>>): string {
  return Object.entries(waiting)
    .map(([name, count]) => `${name} ${groupedText(count)}`)
    .join(', ')
}
