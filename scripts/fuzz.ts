/**
 * `npm run fuzz -- [--requests N] [--seed S] [--url URL]`: random requests to a server, by default one that is started
 * here; exits with 1 when something was wrong. The same seed sends the same requests.
 */
import { parseArgs } from 'node:util'

import { runFuzz } from '../test/fuzz/run.ts'
import { startTarget } from '../test/fuzz/target.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    url: { type: 'string' },
  },
})
const requests = Number(values.requests)
const seed = Number(values.seed)
if (
  !Number.isSafeInteger(requests) ||
  requests < 1 ||
  !Number.isSafeInteger(seed) ||
  seed < 0 ||
  seed > 1_000_000_000
) {
  console.error('fuzz: --requests takes a whole number above 0, --seed one from 0 to 1000000000')
  process.exit(2)
}
if (values.url !== undefined && !/^http:\/\/[^/]+\/?$/.test(values.url)) {
  console.error('fuzz: --url takes the root of a server, such as http://127.0.0.1:8484')
  process.exit(2)
}

console.log(`fuzz: ${requests} requests, seed ${seed}`)
const target = values.url === undefined ? await startTarget() : undefined
const startedMs = performance.now()
const report = await runFuzz({
  url: target?.url ?? values.url!,
  requests,
  seed,
  ...(target === undefined ? {} : { memoryBytes: () => process.memoryUsage.rss() }),
  onThousand: (sent) => {
    if (sent % 10_000 === 0) console.error(`${sent} requests`)
  },
})
await target?.close()
const failures = target?.failures ?? []

const seconds = (performance.now() - startedMs) / 1_000
console.log(
  `${report.sent} requests in ${seconds.toFixed(1)} s; the slowest took ${Math.round(report.slowestMs)} ms` +
    (target === undefined ? '' : `; memory grew by ${Math.round(report.grownBytes / 1_000_000)} MB`),
)
for (const [status, count] of [...report.statuses].sort(([a], [b]) => a - b)) {
  console.log(`  ${status === 0 ? 'no answer' : status}: ${count}`)
}
for (const problem of report.problems) console.error(problem)
for (const failure of failures.slice(0, 10)) console.error('an error of the relay:', failure)
if (report.problems.length + failures.length > 0) {
  console.error(`again: npm run fuzz -- --requests ${requests} --seed ${seed}`)
  process.exit(1)
}
console.log('every answer was valid')
