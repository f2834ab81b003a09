import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

import { type Command, Option } from 'commander'

import type { AdminClient, QueueAsk, ShownDead, ShownWaiting } from '../../admin/contract.ts'
import { countText } from '../../admin/spans.ts'
import { isoTime } from '../../runtime/iso-time.ts'
import { writeLine } from '../../transfer/ndjson-line.ts'
import { CliError } from '../cli-error.ts'
import { type ConnectionOptions, operatorCommand, withRelay } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { untilSignal } from '../until-signal.ts'
import { readFrom, type WorkspaceOptions } from '../workspace-choice.ts'

interface ExportOptions extends ConnectionOptions, WorkspaceOptions {
  readonly from?: 'waiting' | 'dead'
  readonly person?: string
  readonly out?: string
}

type Shown = ShownWaiting | ShownDead

const PAGE = 500

export function exportCommand(io: Io): Command {
  const from = new Option('--from <what>', 'what waits, or dead letters')
    .choices(['waiting', 'dead'])
    .default('waiting')
  return exporting(io, operatorCommand('export', 'operations as NDJSON, which holdfast import reads').addOption(from))
}

export function deadExportCommand(io: Io): Command {
  return exporting(io, operatorCommand('export', 'dead letters as NDJSON, each with its reason'), 'dead')
}

function exporting(io: Io, command: Command, from?: 'dead'): Command {
  return command
    .addOption(new Option('-w, --workspace <name>', 'of this one alone'))
    .addOption(new Option('--person <id>', 'of this person alone'))
    .addOption(new Option('--out <file>', 'a new file, readable by you alone; otherwise stdout'))
    .action(async (_options, done: Command) => {
      const given = done.optsWithGlobals<ExportOptions>()
      const options = from === undefined ? given : { ...given, from }
      await withRelay(io, options, (client) => untilSignal(io, (signal) => write(io, client, options, signal)))
    })
}

async function write(io: Io, client: AdminClient, options: ExportOptions, signal: AbortSignal): Promise<void> {
  const sink =
    options.out === undefined
      ? stdoutSink(io)
      : fileSink(isAbsolute(options.out) ? options.out : join(io.cwd, options.out))
  let written = 0
  let unreadable = 0
  try {
    for (const workspace of await readFrom(client, options)) {
      for await (const operation of operationsOf(client, workspace, options)) {
        if (signal.aborted)
          throw new CliError(EXIT.failed, 'interrupted', `interrupted after ${countText(written, 'operation')}`)
        const { id, acceptedAtMs, request } = operation
        if (request === null) unreadable++
        else {
          const dead = 'reason' in operation ? { dead: deadOf(operation) } : {}
          sink.write(`${writeLine({ id, acceptedAtMs, workspace, request, ...dead })}\n`)
          written++
        }
      }
    }
  } catch (error) {
    sink.abandon()
    throw error
  }
  sink.finish()
  const left = unreadable === 0 ? '' : `; ${unreadable} cannot be read any more and were left out`
  if (options.out !== undefined || unreadable > 0)
    io.stderr.write(`${countText(written, 'operation')} exported${left}\n`)
  if (unreadable > 0) io.exitWith(EXIT.partial)
}

async function* operationsOf(
  client: AdminClient,
  workspace: string,
  { from, person }: ExportOptions,
): AsyncGenerator<Shown, void, undefined> {
  let after: string | null = null
  do {
    const ask: QueueAsk = {
      limit: PAGE,
      reveal: true,
      ...(person === undefined ? {} : { person }),
      ...(after === null ? {} : { after }),
    }
    const page: { readonly operations: readonly Shown[]; readonly after: string | null } =
      from === 'dead' ? await deadPage(client, workspace, ask) : await client.queue(workspace, ask)
    yield* page.operations
    after = page.after
  } while (after !== null)
}

async function deadPage(
  client: AdminClient,
  workspace: string,
  ask: QueueAsk,
): Promise<{ readonly operations: readonly ShownDead[]; readonly after: string | null }> {
  const { deadLetters, after } = await client.dead(workspace, ask)
  return { operations: deadLetters, after }
}

function deadOf({ reason, status, field, message, diedAtMs }: ShownDead): object {
  return {
    reason,
    ...(status === null ? {} : { status }),
    ...(field === null ? {} : { field }),
    ...(message === null ? {} : { message }),
    diedAt: isoTime(diedAtMs),
  }
}

interface Sink {
  write(text: string): void
  finish(): void
  abandon(): void
}

function stdoutSink(io: Io): Sink {
  return { write: (text) => io.stdout.write(text), finish: () => {}, abandon: () => {} }
}

/** Under its name only when it is whole. */
function fileSink(path: string): Sink {
  if (existsSync(path)) {
    throw new CliError(EXIT.unsafe, 'file-exists', `${path} is there already`, 'Give another name, or remove it first.')
  }
  const part = `${path}.part`
  let file: number
  try {
    file = openSync(part, 'w', 0o600)
  } catch (error) {
    throw new CliError(
      EXIT.failed,
      'cannot-write',
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code})`,
    )
  }
  return {
    write: (text) => void writeSync(file, text),
    finish() {
      fsyncSync(file)
      closeSync(file)
      renameSync(part, path)
    },
    abandon() {
      closeSync(file)
      rmSync(part, { force: true })
    },
  }
}
