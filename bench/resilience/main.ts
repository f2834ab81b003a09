/** `npm run bench:resilience`: the parts of `holdfast/resilience` beside the libraries known for them. See `../program.ts`. */
import { benchProgram } from '../program.ts'
import { closed, composed, open, pipeline } from './cost/costs.ts'
import { idle } from './idle/idle.ts'
import { simulations } from './simulation/simulation.ts'

await benchProgram('npm run bench:resilience', [closed, open, composed, pipeline, idle, ...simulations])
