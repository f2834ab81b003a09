/** The outbox on connections that are made as an instance of ioredis 5 is. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { Redis } from 'ioredis-5'

import { outboxCases } from '../../../src/testing/outbox-conformance.ts'
import { type RedisServer, startRedis } from '../../servers/redis.ts'
import { redisSubject } from './subject.ts'

let server: RedisServer
let connection: Redis
before(async () => {
  server = await startRedis()
  connection = new Redis(server.url, { lazyConnect: true })
})
after(async () => {
  connection.disconnect()
  await server.stop()
})

const CASES = [
  'an appended entry is claimed as it was given, with no attempt counted',
  'a retry holds back its own lanes and no others, until its time',
  'a dead letter keeps its entry and the reason, and frees its lane',
  'executions: a result is told word for word to whoever begins the key, also after a restart',
  'a pause and its end are told to the other handles within seconds',
  'each handle hears how many there are, and what another has learned of the provider, but not itself',
]

const cases = outboxCases(redisSubject(() => connection)).filter(({ name }) => CASES.includes(name))

test('the cases that are chosen are cases', () => assert.equal(cases.length, CASES.length))

for (const { name, run } of cases) test(`ioredis 5: ${name}`, run)
