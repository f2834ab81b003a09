/** `npm run simulate -- --seeds N [--from SEED] [--mode direct] [--deliver all] [--log]`: worlds on virtual time from seeds; exits with 1 at the first broken promise. */
import { parseArgs } from 'node:util'

import { runSeed } from '../test/simulation/run.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    mode: { type: 'string', default: 'outbox' },
    deliver: { type: 'string', default: 'one' },
    log: { type: 'boolean', default: false },
  },
})
const from = Number(values.from)
const seeds = Number(values.seeds)
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(seeds) || seeds < 1) {
  console.error('simulate: --seeds and --from take whole numbers')
  process.exit(2)
}
const { mode, deliver } = values
if (mode !== 'outbox' && mode !== 'direct') {
  console.error('simulate: --mode is outbox or direct')
  process.exit(2)
}

if (deliver !== 'one' && deliver !== 'all') {
  console.error('simulate: --deliver is one or all')
  process.exit(2)
}

const seen = new Map<string, number>()
let accepted = 0
let requests = 0
let virtualMs = 0
const startedMs = performance.now()

for (let seed = from; seed < from + seeds; seed++) {
  const result = await runSeed(seed, mode, deliver)
  if (values.log) console.log(result.log.join('\n'))
  if (result.problems.length > 0) {
    console.error(`seed ${seed} broke a promise\n  plan ${JSON.stringify(result.plan)}`)
    for (const problem of result.problems) console.error(`  ${problem}`)
    console.error(`again: npm run simulate -- --seeds 1 --from ${seed} --mode ${mode} --deliver ${deliver} --log`)
    process.exit(1)
  }
  accepted += result.accepted
  requests += result.requests
  virtualMs += result.virtualMs
  for (const sight of result.seen) seen.set(sight, (seen.get(sight) ?? 0) + 1)
  if ((seed - from + 1) % 100 === 0) console.error(`${seed - from + 1} seeds, ${accepted} operations, nothing broken`)
}

const seconds = (performance.now() - startedMs) / 1000
console.log(
  `${seeds} seeds from ${from}: ${accepted} operations accepted, ${requests} requests, ` +
    `${(virtualMs / 3_600_000).toFixed(1)} hours of virtual time in ${seconds.toFixed(1)} s; every promise held`,
)
for (const [sight, count] of [...seen].sort((a, b) => b[1] - a[1])) console.log(`  ${sight}: in ${count} seeds`)
