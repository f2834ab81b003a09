/** What a call costs when nothing is wrong, and when the circuit is open. */
import type { Case } from '../../case.ts'
import { rounded } from '../../numbers.ts'
import { measureCosts, share, timesFaster } from './measure.ts'

export const closed: Case = {
  name: 'closed',
  async run(context) {
    const ours = 'holdfast-closed'
    const costs = await measureCosts(context, [ours, 'cockatiel-closed', 'opossum-closed', 'opossum-defaults'])
    const what = 'closed circuit'
    const sampling = { what, ours, theirs: 'cockatiel-closed', theirName: "cockatiel's SamplingBreaker" } as const
    const bare = { what, ours, theirs: 'opossum-closed', theirName: 'opossum without its timeout' } as const
    const whole = { what, ours, theirs: 'opossum-defaults', theirName: 'opossum with its defaults' } as const
    return [
      share(costs, { ...sampling, unit: 'ns', most: 1 }),
      share(costs, { ...sampling, unit: 'bytes', most: 0.6 }),
      share(costs, { ...whole, unit: 'ns', most: 0.4 }),
      share(costs, { ...bare, unit: 'ns', most: 0.4 }),
    ]
  },
}

export const open: Case = {
  name: 'open',
  async run(context) {
    const costs = await measureCosts(context, ['holdfast-open-value', 'holdfast-open-thrown', 'cockatiel-open'])
    const rejection = { theirs: 'cockatiel-open', theirName: "cockatiel's rejection" } as const
    const [value, thrown] = ['open circuit, `tryExecute`', 'open circuit, `execute`']
    return [
      timesFaster(costs, { ...rejection, what: value, ours: 'holdfast-open-value', least: 40 }),
      timesFaster(costs, { ...rejection, what: thrown, ours: 'holdfast-open-thrown', least: 3 }),
    ]
  },
}

const COMPOSED_NS_MAX = 1_000

export const composed: Case = {
  name: 'composed',
  async run(context) {
    const costs = await measureCosts(context, ['holdfast-composed', 'cockatiel-composed'])
    const sides = { ours: 'holdfast-composed', theirs: 'cockatiel-composed' } as const
    const comparison = { what: 'retry + breaker + timeout', theirName: "cockatiel's wrap", ...sides }
    const time = share(costs, { ...comparison, unit: 'ns', most: 0.15 })
    const ns = time.numbers['ours']!
    return [
      time,
      {
        what: 'retry + breaker + timeout: time',
        required: `at most ${rounded(COMPOSED_NS_MAX)} ns`,
        measured: `${rounded(ns)} ns`,
        holds: ns <= COMPOSED_NS_MAX,
        numbers: { ns },
      },
      share(costs, { ...comparison, unit: 'bytes', most: 0.3 }),
    ]
  },
}

export const pipeline: Case = {
  name: 'pipeline',
  async run(context) {
    const costs = await measureCosts(context, ['holdfast-pipeline', 'cockatiel-composed'])
    const sides = { ours: 'holdfast-pipeline', theirs: 'cockatiel-composed' } as const
    const comparison = { what: 'the whole pipeline', theirName: "cockatiel's wrap", ...sides }
    return [share(costs, { ...comparison, unit: 'ns', most: 0.25 })]
  },
}
