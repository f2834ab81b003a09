import { type Command, Option } from 'commander'

import { AdminError } from '../../admin/admin-error.ts'
import type { AdminClient, AdminStatus } from '../../admin/contract.ts'
import { sleep } from '../../runtime/clock.ts'
import { type ConnectionOptions, operatorCommand, withRelay } from '../connection.ts'
import type { Io } from '../io.ts'
import { report, wantsJson } from '../report.ts'
import { statusText } from '../status-text.ts'
import { untilSignal } from '../until-signal.ts'
import { readFrom, type WorkspaceOptions } from '../workspace-choice.ts'

interface StatusOptions extends ConnectionOptions, WorkspaceOptions {
  readonly watch?: boolean
}

const WATCH_MS = 2_000
/** Clears the screen and what has scrolled off it, and goes to its start. */
const REDRAW = '\u001b[2J\u001b[3J\u001b[H'

export function statusCommand(io: Io): Command {
  return operatorCommand('status', 'how the relay is: one sentence, then the numbers behind it')
    .addOption(new Option('-w, --workspace <name>', 'this one alone'))
    .addOption(new Option('--watch', 'again every 2 s, until it is interrupted'))
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<StatusOptions>()
      await withRelay(io, options, async (client) => {
        const names = options.workspace === undefined ? undefined : await readFrom(client, options)
        const look = async (): Promise<AdminStatus> => only(await client.status(), names)
        if (options.watch === true) return untilSignal(io, (signal) => watch(io, options, client, look, signal))
        const status = await look()
        report(io, options, status, () => statusText(io, status))
      })
    })
}

async function watch(
  io: Io,
  options: StatusOptions,
  client: AdminClient,
  look: () => Promise<AdminStatus>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const status = await look().catch((error: unknown) => {
      // A restart is what one watches for; everything else ends it.
      if (error instanceof AdminError && error.code === 'unreachable') return error
      throw error
    })
    if (wantsJson(io, options)) {
      const line = status instanceof AdminError ? { error: { code: status.code, message: status.message } } : status
      io.stdout.write(`${JSON.stringify(line)}\n`)
    } else {
      const text =
        status instanceof AdminError ? `No relay answers at ${client.source}; still looking` : statusText(io, status)
      io.stdout.write(`${REDRAW}${text}\n`)
    }
    await sleep(io.runtime.clock, WATCH_MS, signal, 'held')
  }
}

/** With the verdict of the one that was asked for. */
function only(status: AdminStatus, names: readonly string[] | undefined): AdminStatus {
  if (names === undefined) return status
  const workspaces = status.workspaces.filter(({ name }) => names.includes(name))
  return { ...status, workspaces, verdict: workspaces[0]?.verdict ?? status.verdict }
}
