/** `holdfast load`: events into a relay, and the comparison with what arrived at a simulator behind it. */
import { Command, Option } from 'commander'

import { OptionsError } from '../../errors.ts'
import { Account, holds, type Verification } from '../../load/account.ts'
import { ArrivalsError, ledgerEnd, readArrivals } from '../../load/arrivals.ts'
import { type LoadResult, runLoad } from '../../load/load.ts'
import { createSimulator } from '../../simulator/simulator.ts'
import { durationMs, numberAbove0, wholeNumber } from '../arguments.ts'
import { CliError } from '../cli-error.ts'
import { type CredentialOptions, credentialsOf, intakeUrlOf } from '../credentials.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { API_KEY_SOURCES, relayFactsOf, SITE_ID_SOURCES, URL_SOURCES } from '../relay-facts.ts'
import { type GlobalOptions, report } from '../report.ts'
import { SIMULATOR_PORT } from './simulate.ts'

interface LoadCommandOptions extends GlobalOptions, CredentialOptions {
  readonly config?: string
  readonly url?: string
  readonly workspace?: string
  readonly simulator: string
  readonly simulatorPort: number
  readonly connections: number
  readonly people: number
  readonly count?: number
  readonly duration?: number
  readonly rate?: number
  readonly bytes: number
  readonly retry: boolean
  readonly timeout: number
  readonly settle: number
}

const DURATION_MS = 10_000

export function loadCommand(io: Io): Command {
  const simulator = `http://127.0.0.1:${SIMULATOR_PORT}`
  return new Command('load')
    .description('send events to a relay, then verify at the simulator behind it that each arrived once and in order')
    .option('--url <url>', `relay (${URL_SOURCES})`)
    .option('--site-id <id>', `site id of the workspace (${SITE_ID_SOURCES})`)
    .option('--api-key-file <file>', `file with the API key (${API_KEY_SOURCES})`)
    .option('-w, --workspace <name>', 'workspace, needed where --config has several')
    .option(
      '--simulator <url>',
      'simulator that the relay delivers to; built-in: served here; none: no verification',
      simulator,
    )
    .option('--simulator-port <n>', 'port of the built-in one', wholeNumber(0, 65_535), SIMULATOR_PORT)
    .option('--connections <n>', 'connections', wholeNumber(1, 10_000), 16)
    .option('--people <n>', 'people', wholeNumber(1, 1_000_000), 1_000)
    .option('--count <n>', 'end after so many events', wholeNumber(1, 100_000_000))
    .option('--duration <time>', 'end after so much time (10s where no count is given)', durationMs)
    .option('--rate <n>', 'events a second; otherwise as fast as possible', numberAbove0)
    .option('--bytes <n>', 'more bytes of data in each event', wholeNumber(0, 90_000), 0)
    .addOption(new Option('--timeout <time>', 'of one request').argParser(durationMs).default(30_000, '30s'))
    .addOption(
      new Option('--settle <time>', 'how long to wait for more to arrive').argParser(durationMs).default(15_000, '15s'),
    )
    .option('--retry', 'send again what got 429, 5xx or no answer', false)
    .action((_options, command: Command) => load(io, command.optsWithGlobals<LoadCommandOptions>()))
}

async function load(io: Io, options: LoadCommandOptions): Promise<void> {
  const facts = relayFactsOf(io, options, { ...options, intakeUrl: options.url })
  const relay = { url: intakeUrlOf(facts), ...credentialsOf(facts) }
  const stop = new AbortController()
  const forget = (['SIGINT', 'SIGTERM'] as const).map((signal) =>
    io.onSignal(signal, () => {
      stop.abort()
      for (const end of forget) end()
    }),
  )
  const simulator = await simulatorOf(io, options)
  try {
    const { runtime } = io
    const people = Math.max(options.people, options.connections)
    const account = new Account(people)
    const run = `load-${runtime.newId().toLowerCase()}`
    const after = simulator.url === null ? 0 : await ledgerEnd(simulator.url, runtime.fetch)
    const result = await runLoad({
      ...relay,
      connections: options.connections,
      people,
      count: options.count ?? Infinity,
      durationMs: options.duration ?? (options.count === undefined ? DURATION_MS : Infinity),
      perSecond: options.rate ?? Infinity,
      paddingBytes: options.bytes,
      retry: options.retry,
      timeoutMs: options.timeout,
      run,
      account,
      runtime,
      signal: stop.signal,
    })
    const { url } = simulator
    if (url !== null) {
      const asking = { simulator: url, run, account, clock: runtime.clock, fetch: runtime.fetch, signal: stop.signal }
      await readArrivals(asking, after, options.settle)
    }
    conclude(io, options, result, url === null ? null : account.verify())
  } catch (error) {
    if (error instanceof OptionsError) throw new CliError(EXIT.usage, error.code, error.message)
    if (error instanceof ArrivalsError) {
      const hint = 'Run `holdfast simulate` and let the relay deliver there, or give --simulator none.'
      throw new CliError(EXIT.unreachable, 'SIMULATOR', error.message, hint)
    }
    throw error
  } finally {
    for (const end of forget) end()
    await simulator.close()
  }
}

async function simulatorOf(
  io: Io,
  options: LoadCommandOptions,
): Promise<{ readonly url: string | null; readonly close: () => Promise<void> }> {
  if (options.simulator === 'none') return { url: null, close: () => Promise.resolve() }
  if (options.simulator !== 'built-in') {
    return { url: options.simulator.replace(/\/+$/, ''), close: () => Promise.resolve() }
  }
  try {
    const server = await createSimulator().listen(options.simulatorPort, '127.0.0.1', { control: true })
    io.stderr.write(`a simulator listens on ${server.url}; the relay has to deliver there\n`)
    return server
  } catch (error) {
    const code = String(Reflect.get(Object(error), 'code'))
    throw new CliError(EXIT.failed, code, `port ${options.simulatorPort} cannot be listened on (${code})`)
  }
}

function conclude(io: Io, options: GlobalOptions, result: LoadResult, verification: Verification | null): void {
  const verified = verification === null ? null : holds(verification)
  report(io, options, { ...result, verification, verified }, () => wordsOf(result, verification))
  if (result.accepted === 0 && result.sent > 0) {
    // Nobody who answers, or nobody who lets us in.
    io.exitWith(result.answers['401'] === undefined ? EXIT.unreachable : EXIT.unauthenticated)
  } else if (verified === false) io.exitWith(EXIT.partial)
}

function wordsOf(result: LoadResult, verification: Verification | null): string {
  const { latency: l, answers } = result
  const lines = [
    `${result.accepted} of ${result.sent} events accepted in ${result.seconds} s: ${result.perSecond}/s`,
    `  answer    p50 ${l.p50Ms} ms, p90 ${l.p90Ms} ms, p99 ${l.p99Ms} ms, p99.9 ${l.p999Ms} ms, longest ${l.maxMs} ms`,
    `  answers   ${
      Object.entries(answers)
        .map(([what, count]) => `${what} × ${count}`)
        .join(', ') || 'none'
    }`,
  ]
  if (result.retries > 0) lines.push(`  retries   ${result.retries}`)
  if (verification === null) return [...lines, '  not verified: no simulator was asked'].join('\n')
  const { arrived, lost, outOfOrder, twice, repeats, unknown } = verification
  lines.push(
    `  arrived   ${arrived}; ${lost} lost, ${outOfOrder} out of order, ${twice} twice in effect; ${repeats} harmless repeats`,
  )
  if (unknown > 0) lines.push(`  unknown   ${unknown} arrived that were never sent`)
  lines.push(holds(verification) ? 'verified: each arrived once and in order' : 'NOT verified')
  return lines.join('\n')
}
