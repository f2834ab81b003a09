/** `npm run bench:outbox`: the outboxes for many machines beside what else could be used, and their crash runs. */
import { benchProgram } from '../program.ts'
import { blocked } from './blocked.ts'
import { crash } from './crash.ts'
import { postgres } from './postgres.ts'
import { redis } from './redis.ts'
import { slowSink } from './slow-sink.ts'

await benchProgram('npm run bench:outbox', [redis, slowSink, postgres, blocked, crash])
