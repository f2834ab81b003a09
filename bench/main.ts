/** `npm run bench`: measures what the project promises and prints one table. See `program.ts`. */
import { append, single } from './append/append.ts'
import { crash } from './crash/crash.ts'
import { delay } from './delay/delay.ts'
import { drain } from './drain/drain.ts'
import { official } from './official/official.ts'
import { benchProgram } from './program.ts'
import { waiting } from './waiting/waiting.ts'

await benchProgram('npm run bench', [append, single, delay, drain, waiting, official, crash])
