/** `npm run bench:relay`: the relay as a process, beside a bare server of the same framework. See `../program.ts`. */
import { benchProgram } from '../program.ts'
import { batches } from './batches.ts'
import { day } from './day/day.ts'
import { idle } from './idle.ts'
import { latency } from './latency.ts'
import { requests } from './requests.ts'
import { restart } from './restart.ts'

await benchProgram('npm run bench:relay', [requests, latency, batches, idle, restart, day])
// The servers of a case that failed would keep the program alive; they end with it.
process.exit()
