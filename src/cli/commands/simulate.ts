/** `holdfast simulate`: a fake Customer.io on a socket, with its control API. */
import { Command, InvalidArgumentError, Option } from 'commander'

import { OptionsError } from '../../errors.ts'
import type { LatencyMs } from '../../simulator/latency.ts'
import { SCENARIOS } from '../../simulator/scenarios.ts'
import { createSimulator, type Simulator } from '../../simulator/simulator.ts'
import { numberAbove0, wholeNumber } from '../arguments.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type GlobalOptions, report } from '../report.ts'

interface SimulateOptions extends GlobalOptions {
  readonly port: number
  readonly region: 'us' | 'eu'
  readonly siteId?: string
  readonly apiKey?: string
  readonly latency?: LatencyMs
  readonly rateLimit?: number
  readonly down?: boolean
  readonly scenario?: string
}

export const SIMULATOR_PORT = 8486

export function simulateCommand(io: Io): Command {
  const names = Object.keys(SCENARIOS)
  const scenarios = Object.entries(SCENARIOS).map(([name, { description }]) => `  ${name.padEnd(10)} ${description}`)
  return new Command('simulate')
    .description('run a fake Customer.io, to try a relay or an SDK against')
    .option('--port <n>', 'port on 127.0.0.1; 0 is any free one', wholeNumber(0, 65_535), SIMULATOR_PORT)
    .addOption(new Option('--region <region>', 'where its account lives').choices(['us', 'eu']).default('us'))
    .option('--site-id <id>', 'site id that is let in; otherwise any')
    .option('--api-key <key>', 'API key that is let in, no secret here; otherwise any')
    .option('--latency <ms>', 'how long an answer takes: 50, or a range, 50..200', latencyOf)
    .option('--rate-limit <n>', 'requests a second; those above get 429', numberAbove0)
    .option('--down', 'begin with an outage; the control API ends it')
    .addOption(new Option('--scenario <name>', 'begin with troubles').choices(names))
    .addHelpText('after', `\nScenarios:\n${scenarios.join('\n')}`)
    .action((_options, command: Command) => simulate(io, command.optsWithGlobals<SimulateOptions>()))
}

async function simulate(io: Io, options: SimulateOptions): Promise<void> {
  const { siteId, apiKey, latency, rateLimit, region } = options
  const simulator = createSimulator({
    region,
    ...(siteId === undefined ? {} : { siteId }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(latency === undefined ? {} : { latencyMs: latency }),
    ...(rateLimit === undefined ? {} : { rateLimit: { perSecond: rateLimit } }),
  })
  const server = await simulator.listen(options.port, '127.0.0.1', { control: true }).catch((error: unknown) => {
    const code = String(Reflect.get(Object(error), 'code'))
    throw new CliError(
      EXIT.failed,
      code,
      `port ${options.port} cannot be listened on (${code})`,
      'Give another --port.',
    )
  })
  // Not before the port is there: times count from now.
  for (const fault of SCENARIOS[options.scenario ?? '']?.faults ?? []) simulator.faults.add(fault)
  if (options.down) simulator.down()
  report(io, options, { listening: server.url, control: `${server.url}/__simulator/` }, () =>
    welcome(server.url, options),
  )
  const stopped = Promise.withResolvers<void>()
  const forget = (['SIGINT', 'SIGTERM'] as const).map((signal) => io.onSignal(signal, stopped.resolve))
  try {
    await stopped.promise
  } finally {
    for (const end of forget) end()
    await server.close()
  }
  const summary = summaryOf(simulator)
  report(io, options, summary, () => wordsOf(summary))
}

function welcome(url: string, { siteId, apiKey, scenario, down }: SimulateOptions): string {
  const trouble = [...(down ? ['down'] : []), ...(scenario === undefined ? [] : [`scenario ${scenario}`])]
  return [
    `a fake Customer.io listens on ${url}${trouble.length > 0 ? ` (${trouble.join(', ')})` : ''}`,
    `  credentials   ${siteId ?? 'any site id'}, ${apiKey ?? 'any API key'}`,
    `  an SDK        base URL ${url}/api/v1`,
    `  a relay       base URL of its workspace ${url}`,
    `  what arrived  curl ${url}/__simulator/`,
    `  an outage     curl -X POST ${url}/__simulator/down   (and .../up)`,
    `  ends with Ctrl-C`,
  ].join('\n')
}

interface Summary {
  readonly requests: number
  readonly operations: number
  readonly applied: number
  readonly duplicates: number
  readonly people: number
}

/** Of a simulator that is full there is nothing to tell but that. */
function summaryOf({ ledger, workspace }: Simulator): Summary | { readonly full: string } {
  try {
    return {
      requests: ledger.requests().length,
      operations: ledger.count(),
      applied: ledger.count({ applied: true }),
      duplicates: ledger.count({ duplicate: true }),
      people: workspace.people().length,
    }
  } catch (error) {
    if (error instanceof OptionsError) return { full: error.message }
    throw error
  }
}

function wordsOf(summary: ReturnType<typeof summaryOf>): string {
  if ('full' in summary) return `stopped; ${summary.full}`
  const { requests, operations, applied, duplicates, people } = summary
  return `stopped: ${requests} requests with ${operations} operations; ${applied} took effect, ${duplicates} were repeats; ${people} people`
}

function latencyOf(text: string): LatencyMs {
  const match = /^(\d{1,6})(?:\.\.(\d{1,6}))?$/.exec(text)
  const min = Number(match?.[1])
  const max = Number(match?.[2] ?? min)
  if (match === null || max < min) throw new InvalidArgumentError('It must be milliseconds, 50 or 50..200.')
  return max === min ? min : { min, max }
}
