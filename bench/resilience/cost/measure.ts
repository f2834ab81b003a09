/** Sides measured in turn, each in processes of its own, and rows that compare them. */
import type { Context, Row } from '../../case.ts'
import { measureInChild } from '../../child.ts'
import { median, ratio, ratios, rounded } from '../../numbers.ts'
import { alternate } from '../../rounds.ts'
import type { CostAnswer, CostInput } from './child.ts'

const SIZES = {
  full: { rounds: 5, samples: 9, sampleMs: 100, sampleCalls: 10_000 },
  quick: { rounds: 1, samples: 3, sampleMs: 5, sampleCalls: 1_000 },
} as const

const program = new URL('./child.ts', import.meta.url)
const nodeOptions = {
  time: [],
  bytes: ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'],
} as const

/** One call of one side, in one round. */
interface Cost {
  readonly ns: number
  readonly bytes: number
}

export type Costs<Side extends string> = Readonly<Record<Side, readonly Cost[]>>

export async function measureCosts<Side extends string>(
  context: Context,
  sides: readonly Side[],
): Promise<Costs<Side>> {
  const { rounds, ...sizes } = SIZES[context.scale]
  const measured = async (side: Side, measure: 'time' | 'bytes'): Promise<number> => {
    const input: CostInput = { side, measure, ...sizes }
    return (await measureInChild<CostAnswer>(program, input, nodeOptions[measure])).value
  }
  return alternate(rounds, sides, async (side, round) => {
    const cost = { ns: await measured(side, 'time'), bytes: await measured(side, 'bytes') }
    context.say(`${side}, round ${round + 1} of ${rounds}: ${rounded(cost.ns)} ns, ${rounded(cost.bytes)} bytes a call`)
    return cost
  })
}

interface Comparison<Side extends string> {
  readonly what: string
  readonly ours: Side
  readonly theirs: Side
  readonly theirName: string
  readonly unit: 'ns' | 'bytes'
  /** At most this share of theirs. */
  readonly most: number
}

export function share<Side extends string>(costs: Costs<Side>, comparison: Comparison<Side>): Row {
  const { what, unit, most, theirName } = comparison
  const { measured, our, their } = compared(costs, comparison)
  return {
    what: `${what}: ${unit === 'ns' ? 'time' : 'bytes'}`,
    required: `at most ${most} of ${theirName}`,
    measured: `${ratio(measured)} (${rounded(our)} to ${rounded(their)} ${unit})`,
    holds: measured <= most,
    numbers: { ratio: measured, ours: our, theirs: their },
  }
}

/** The same told the other way round. */
export function timesFaster<Side extends string>(
  costs: Costs<Side>,
  comparison: Omit<Comparison<Side>, 'unit' | 'most'> & { readonly least: number },
): Row {
  const { what, theirName, least } = comparison
  const { measured, our, their } = compared(costs, { ...comparison, unit: 'ns' })
  return {
    what: `${what}: time`,
    required: `${least} times faster than ${theirName}`,
    measured: `${ratio(1 / measured)} times (${rounded(our)} to ${rounded(their)} ns)`,
    holds: 1 / measured >= least,
    numbers: { ratio: 1 / measured, ours: our, theirs: their },
  }
}

function compared<Side extends string>(
  costs: Costs<Side>,
  { ours, theirs, unit }: Pick<Comparison<Side>, 'ours' | 'theirs' | 'unit'>,
): { readonly measured: number; readonly our: number; readonly their: number } {
  const of = (side: Side): number[] => costs[side].map((answer) => answer[unit])
  return { measured: median(ratios(of(ours), of(theirs))), our: median(of(ours)), their: median(of(theirs)) }
}
