/** The outbox in a cluster of three nodes: what depends on where keys lie. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { Cluster } from 'ioredis'

import { outboxCases } from '../../../src/testing/outbox-conformance.ts'
import { type RedisCluster, startRedisCluster } from '../../servers/redis-cluster.ts'
import { redisSubject } from './subject.ts'

let cluster: RedisCluster
let connection: Cluster
before(async () => {
  cluster = await startRedisCluster()
  connection = new Cluster([...cluster.startupNodes], { lazyConnect: true })
})
after(async () => {
  connection.disconnect()
  await cluster.stop()
})

// Each of these names a script or a message of the data plane that no other one of them uses.
const CASES = [
  'an appended entry is claimed as it was given, with no attempt counted',
  'a keyed entry is stored once: in one call, in a later one, after delivery, after a restart',
  'an entry of a thousand lanes waits for all of them and then holds all of them',
  'a retry holds back its own lanes and no others, until its time',
  'a renewed lease holds for its new time',
  'a replayed dead letter goes to the end of its lanes, as it was, and its old position tells what became of it',
  'purging one lane of an entry with several frees the others',
  'a list may begin at its newest end, page by page',
  'executions: a result is told word for word to whoever begins the key, also after a restart',
  'two handles share what waits: no lane is with both, and each lane keeps the order of all appends',
  'a handle that closes gives back what it had in flight, and nothing of others',
  'a pause and its end are told to the other handles within seconds',
  'each handle hears how many there are, and what another has learned of the provider, but not itself',
]

const cases = outboxCases(redisSubject(() => connection)).filter(({ name }) => CASES.includes(name))

test('the cases that are chosen are cases', () => {
  assert.deepEqual(
    CASES.filter((name) => !cases.some((each) => each.name === name)),
    [],
  )
})

for (const { name, run } of cases) test(`redis cluster: ${name}`, run)
