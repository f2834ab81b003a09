import { type Command, Option } from 'commander'

import { sleep } from '../../runtime/clock.ts'
import { durationMs, wholeNumber } from '../arguments.ts'
import { asCliError } from '../admin-failure.ts'
import { CHECK, type CheckLimits, checkOf, type CheckResult } from '../check-verdict.ts'
import { CliError } from '../cli-error.ts'
import { type ConnectionOptions, operatorCommand, withRelay } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { readFrom, type WorkspaceOptions } from '../workspace-choice.ts'

interface CheckOptions extends ConnectionOptions, WorkspaceOptions {
  readonly warnAge: number
  readonly critAge: number
  readonly warnDead?: number
  readonly critDead?: number
  readonly warnWindow: number
  readonly critWindow: number
  readonly live?: boolean
  readonly ready?: boolean
  readonly at: string
}

const PROBE_MS = 3_000
const COUNT_MAX = 1_000_000_000
const HOUR_MS = 3_600_000

export function checkCommand(io: Io): Command {
  const span = (flags: string, description: string, ms: number, text: string): Option =>
    new Option(flags, description).argParser(durationMs).default(ms, text)
  const count = (flags: string, description: string): Option =>
    new Option(flags, description).argParser(wholeNumber(0, COUNT_MAX))
  return operatorCommand(
    'check',
    'for monitoring: one line with figures, and ends with 0 ok, 1 warning, 2 critical, 3 unknown',
  )
    .addOption(new Option('-w, --workspace <name>', 'this one alone'))
    .addOption(span('--warn-age <span>', 'warning when the oldest waits so long', 300_000, '5m'))
    .addOption(span('--crit-age <span>', 'critical when the oldest waits so long', 900_000, '15m'))
    .addOption(count('--warn-dead <count>', 'warning from so many dead letters'))
    .addOption(count('--crit-dead <count>', 'critical from so many dead letters'))
    .addOption(span('--warn-window <span>', 'warning when so little is left of a campaign window', 24 * HOUR_MS, '24h'))
    .addOption(span('--crit-window <span>', 'critical when so little is left of a campaign window', 6 * HOUR_MS, '6h'))
    .addOption(new Option('--live', 'ask /livez alone, for a container: ends with 0 or 1').conflicts('ready'))
    .addOption(new Option('--ready', 'ask /readyz alone, for a container: ends with 0 or 1'))
    .addOption(new Option('--at <url>', 'with --live and --ready: where').default('http://127.0.0.1:8484'))
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<CheckOptions>()
      if (options.live === true || options.ready === true) return probe(io, options)
      const result = await checked(io, options)
      // One line, whoever reads it: monitoring has no terminal.
      const { level, line } = result
      io.stdout.write(options.json === true ? `${JSON.stringify({ level, line })}\n` : `${line}\n`)
      io.exitWith(CHECK[level])
    })
}

async function checked(io: Io, options: CheckOptions): Promise<CheckResult> {
  let result: CheckResult | undefined
  try {
    await withRelay(io, options, async (client) => {
      const names = await readFrom(client, options)
      const status = await client.status()
      const workspaces = status.workspaces.filter(({ name }) => names.includes(name))
      const verdict = options.workspace === undefined ? status.verdict : (workspaces[0]?.verdict ?? status.verdict)
      result = checkOf({ ...status, workspaces, verdict }, limitsOf(options))
    })
  } catch (error) {
    const failure = asCliError(error)
    if (!(failure instanceof CliError)) throw error
    const level = failure.exitCode === EXIT.unreachable ? 'critical' : 'unknown'
    return { level, line: `${level.toUpperCase()} - ${oneLine(failure.message)}` }
  }
  return result ?? { level: 'unknown', line: 'UNKNOWN - nothing was found out' }
}

/** What is wrong with a configuration is told in several. */
function oneLine(text: string): string {
  return text.replace(/:\s*\n\s*/, ': ').replaceAll(/\s*\n\s*/g, '; ')
}

function limitsOf(options: CheckOptions): CheckLimits {
  return {
    warnAgeMs: options.warnAge,
    critAgeMs: options.critAge,
    warnDead: options.warnDead ?? null,
    critDead: options.critDead ?? null,
    warnWindowMs: options.warnWindow,
    critWindowMs: options.critWindow,
  }
}

async function probe(io: Io, options: CheckOptions): Promise<void> {
  const path = options.live === true ? '/livez' : '/readyz'
  const answer = await answerOf(io, options.at, path)
  io.stdout.write(`${path} ${answer.text}\n`)
  io.exitWith(answer.good ? EXIT.ok : EXIT.failed)
}

async function answerOf(io: Io, at: string, path: string): Promise<{ readonly good: boolean; readonly text: string }> {
  let url: URL
  try {
    url = new URL(path, at)
  } catch {
    throw new CliError(EXIT.usage, 'invalid-url', '--at: must be an address such as http://127.0.0.1:8484')
  }
  const controller = new AbortController()
  const { clock, fetch } = io.runtime
  const late = sleep(clock, PROBE_MS, controller.signal, 'held').then(() => undefined)
  try {
    const response = await Promise.race([
      fetch(new Request(url, { redirect: 'manual', signal: controller.signal })),
      late,
    ])
    if (response === undefined) return { good: false, text: `no answer within ${PROBE_MS / 1_000} s` }
    await response.body?.cancel()
    return { good: response.status === 200, text: `status ${response.status}` }
  } catch {
    return { good: false, text: `no answer from ${url.origin}` }
  } finally {
    controller.abort()
  }
}
