/** The conformance suite on a real Redis. */
import { after, before, test } from 'node:test'

import { outboxCases } from '../../../src/testing/outbox-conformance.ts'
import { type RedisServer, startRedis } from '../../servers/redis.ts'
import { redisSubject } from './subject.ts'

let server: RedisServer
before(async () => {
  server = await startRedis()
})
after(() => server.stop())

for (const { name, run } of outboxCases(redisSubject(() => server.url))) test(`redis: ${name}`, run)
