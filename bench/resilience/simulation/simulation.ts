/** The simulations: what is promised of the pipeline as rows, and all arrangements beside each other as tables. */
import type { Attachment, Case, Context, Row } from '../../case.ts'
import { measureInChild } from '../../child.ts'
import { count } from '../../numbers.ts'
import type { SimulationAnswer, SimulationInput, SimulationRun } from './child.ts'
import { SCENARIOS, type Scenario, type ScenarioName } from './scenario.ts'

const SIZES = { full: { seeds: 12, scale: 1 }, quick: { seeds: 1, scale: 1 } } as const

const OURS = 'holdfast'
const LABELS: Readonly<Record<string, string>> = {
  holdfast: 'createPipeline',
  outbox: 'ResilientCustomerIO, outbox in memory',
  'customerio-node': 'customerio-node 5.2, defaults',
  'plain-retry': 'plain retry, 3 times',
  cockatiel: 'cockatiel 4.0, as its readme',
  opossum: 'opossum 10.0, as its readme',
}

const program = new URL('./child.ts', import.meta.url)

/** One sum over all seeds, and the worst recovery of them. */
interface Total {
  readonly calls: number
  readonly succeeded: number
  readonly lost: number
  readonly lostAfter: number
  readonly sent: number
  readonly throttled: number
  readonly intoFaultMost: number
  readonly recoveryMsMean: number | null
  readonly recoveryMsWorst: number | null
  readonly tookMsMean: number
}

async function simulate(context: Context, arrangement: string, scenario: ScenarioName): Promise<Total> {
  const input: SimulationInput = { arrangement, scenario, ...SIZES[context.scale] }
  const { runs } = await measureInChild<SimulationAnswer>(program, input)
  const total = totalOf(runs)
  context.say(`${scenario}, ${LABELS[arrangement]}: ${count(total.succeeded)} of ${count(total.calls)} succeeded`)
  return total
}

function totalOf(runs: readonly SimulationRun[]): Total {
  const sum = (field: 'calls' | 'succeeded' | 'lost' | 'lostAfter' | 'sent' | 'throttled' | 'tookMs'): number =>
    runs.reduce((total, run) => total + run[field], 0)
  const recoveries = runs.map(({ recoveryMs }) => recoveryMs)
  const recovered = recoveries.filter((ms) => ms !== null)
  const all = recovered.length === runs.length
  return {
    calls: sum('calls'),
    succeeded: sum('succeeded'),
    lost: sum('lost'),
    lostAfter: sum('lostAfter'),
    sent: sum('sent'),
    throttled: sum('throttled'),
    intoFaultMost: Math.max(...runs.map(({ intoFault }) => intoFault)),
    recoveryMsMean: all ? recovered.reduce((total, ms) => total + ms, 0) / runs.length : null,
    recoveryMsWorst: all ? Math.max(...recovered) : null,
    tookMsMean: sum('tookMs') / runs.length,
  }
}

function comparison(scenario: Scenario, totals: ReadonlyMap<string, Total>, seeds: number): Attachment {
  const each = (value: number): string => count(Math.round(value / seeds))
  const seconds = (ms: number | null): string => (ms === null ? '-' : `${(ms / 1_000).toFixed(1)} s`)
  const outage = scenario.name === 'outage'
  const lines = [...totals].map(([arrangement, total]) => [
    LABELS[arrangement]!,
    each(total.succeeded),
    each(total.lost),
    each(total.sent),
    each(total.throttled),
    ...(outage
      ? [
          count(total.intoFaultMost),
          `${seconds(total.recoveryMsMean)}, worst ${seconds(total.recoveryMsWorst)}`,
          each(total.lostAfter),
        ]
      : [seconds(total.tookMsMean)]),
  ])
  const last = outage
    ? ['into the outage, at most', 'first request served after', 'lost after its end']
    : ['last answer at']
  const head = ['arrangement', 'succeeded', 'lost', 'sent', '429s', ...last]
  return { title: `${scenario.name}: ${scenario.what}; mean of ${seeds} runs`, lines: [head, ...lines] }
}

const percent = (part: number, whole: number): number => (100 * part) / whole

function row(what: string, required: string, measured: string, holds: boolean, numbers: Record<string, number>): Row {
  return { what, required, measured, holds, numbers }
}

const ROWS: Readonly<Record<ScenarioName, (total: Total) => readonly Row[]>> = {
  burst: ({ calls, succeeded, sent }) => {
    const extra = percent(sent - calls, calls)
    return [
      row('burst', 'all calls succeed', `${count(succeeded)} of ${count(calls)}`, succeeded === calls, {
        calls,
        succeeded,
      }),
      row('burst: extra requests', 'under 0.5 %', `${extra.toFixed(2)} %`, extra < 0.5, { sent, extra }),
    ]
  },
  outage: ({ intoFaultMost, recoveryMsMean, recoveryMsWorst }) => {
    const worst = recoveryMsWorst ?? Infinity
    const mean = recoveryMsMean ?? Infinity
    return [
      row('outage: requests into it', 'under 30', `at most ${count(intoFaultMost)}`, intoFaultMost < 30, {
        intoFaultMost,
      }),
      row(
        "outage: recovery after the provider's return",
        'within 5 s',
        `worst ${(worst / 1_000).toFixed(1)} s, mean ${(mean / 1_000).toFixed(1)} s`,
        worst <= 5_000,
        { mean, worst },
      ),
    ]
  },
  fleet: ({ sent, throttled }) => {
    const share = percent(throttled, sent)
    return [
      row('ten processes, one limit: answers 429', 'under 3 %', `${share.toFixed(2)} %`, share < 3, {
        sent,
        throttled,
        share,
      }),
    ]
  },
  'brown-out': ({ calls, lost }) => {
    const share = percent(lost, calls)
    return [row('brown-out: lost', 'under 1 %', `${share.toFixed(2)} %`, share < 1, { calls, lost, share })]
  },
}

function caseOf(scenario: Scenario): Case {
  return {
    name: scenario.name,
    async run(context) {
      const totals = new Map<string, Total>()
      for (const arrangement of Object.keys(LABELS)) {
        totals.set(arrangement, await simulate(context, arrangement, scenario.name))
      }
      context.attach(comparison(scenario, totals, SIZES[context.scale].seeds))
      return ROWS[scenario.name](totals.get(OURS)!)
    },
  }
}

export const simulations: readonly Case[] = SCENARIOS.map(caseOf)
