/** The commands as one program. Everything that it says and how it ends goes through `Io`. */
import { Command, CommanderError, Option } from 'commander'

import { isHoldfastError } from '../errors.ts'
import { CliError } from './cli-error.ts'
import { checkCommand } from './commands/check.ts'
import { completionCommand } from './commands/completion.ts'
import { configCommand } from './commands/config.ts'
import { deadCommand } from './commands/dead.ts'
import { doctorCommand } from './commands/doctor.ts'
import { drainCommand } from './commands/drain.ts'
import { exportCommand } from './commands/export.ts'
import { importCommand } from './commands/import.ts'
import { loadCommand } from './commands/load.ts'
import { migrateCommand } from './commands/migrate.ts'
import { pauseCommand, resumeCommand } from './commands/pause.ts'
import { purgeCommand } from './commands/purge.ts'
import { queueCommand } from './commands/queue.ts'
import { relayCommand } from './commands/relay.ts'
import { simulateCommand } from './commands/simulate.ts'
import { statusCommand } from './commands/status.ts'
import { tailCommand } from './commands/tail.ts'
import { versionCommand } from './commands/version.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Io } from './io.ts'
import { wantsJson } from './report.ts'
import { packageVersion } from './version.ts'

/** Each gives one command. A new one is added here. */
const COMMANDS: readonly ((io: Io) => Command)[] = [
  relayCommand,
  statusCommand,
  checkCommand,
  tailCommand,
  queueCommand,
  deadCommand,
  purgeCommand,
  pauseCommand,
  resumeCommand,
  drainCommand,
  exportCommand,
  importCommand,
  loadCommand,
  simulateCommand,
  doctorCommand,
  migrateCommand,
  configCommand,
  completionCommand,
  versionCommand,
]

export function createProgram(io: Io): Command {
  const program = new Command('holdfast')
    .description('Delivers Customer.io calls once in effect, in order per person, whatever fails.')
    .addOption(new Option('--json', 'answer in JSON (the default where stdout is no terminal)'))
    .addOption(new Option('--no-json', 'answer in text').hideHelp())
    .addOption(new Option('--config <file>', 'configuration of the relay').env('HOLDFAST_CONFIG'))
    .version(`holdfast ${packageVersion()}`, '-V, --version', 'print the version')
    .helpCommand(true)
    .showSuggestionAfterError()
  for (const create of COMMANDS) program.addCommand(create(io))
  applyToAll(program, (command) =>
    command.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // `run` says it, as it says every failure.
      outputError: () => {},
    }),
  )
  return program
}

/** Runs a command line, without the program's own name. Never rejects. */
export async function run(args: readonly string[], io: Io): Promise<void> {
  const program = createProgram(io)
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    io.exitWith(tell(error, args, io, program))
  }
}

function tell(error: unknown, args: readonly string[], io: Io, program: Command): ExitCode {
  const isUsage = error instanceof CommanderError
  // Help and the version have been written.
  if (isUsage && (error.exitCode === 0 || error.code === 'commander.help')) {
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  }
  const { code, message, hint } = isUsage ? usageOf(error, args, program) : described(error)
  // The options of a command that failed are not at hand any more.
  const json = wantsJson(
    io,
    args.includes('--json') ? { json: true } : args.includes('--no-json') ? { json: false } : {},
  )
  const text = hint === undefined ? message : `${message}\n${hint}`
  io.stderr.write(
    json
      ? `${JSON.stringify({ error: { code, message, ...(hint === undefined ? {} : { hint }) } })}\n`
      : `holdfast: ${text}\n`,
  )
  if (isUsage) return EXIT.usage
  return error instanceof CliError ? error.exitCode : EXIT.failed
}

interface Described {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

/** Commander's sentence, and where to read on: the help of the deepest command that the line names. */
function usageOf(error: CommanderError, args: readonly string[], program: Command): Described {
  let command = program
  let path = 'holdfast'
  for (const arg of args) {
    const next = command.commands.find((child) => child.name() === arg)
    if (next === undefined) continue
    command = next
    path += ` ${arg}`
  }
  const message = error.message.replace(/^error: /, '').trimEnd()
  return { code: error.code.replace(/^commander\./, ''), message, hint: `See ${path} --help.` }
}

function described(error: unknown): Described {
  if (error instanceof CliError) {
    return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) }
  }
  if (isHoldfastError(error)) return { code: error.code, message: error.message }
  return { code: 'UNEXPECTED', message: error instanceof Error ? error.message : 'something failed' }
}

function applyToAll(command: Command, change: (command: Command) => void): void {
  change(command)
  for (const child of command.commands) applyToAll(child, change)
}
