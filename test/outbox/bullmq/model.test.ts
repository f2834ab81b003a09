/** The data in a real Redis, on virtual time: every script is told what time it is. */
import { after, before, test } from 'node:test'

import * as fc from 'fast-check'
import { Redis } from 'ioredis'

import { keysOf } from '../../../src/outbox/bullmq/keys.ts'
import type { RedisLink } from '../../../src/outbox/bullmq/link.ts'
import { openRedisOutbox } from '../../../src/outbox/bullmq/redis-outbox.ts'
import { resolveLimits } from '../../../src/outbox/limits.ts'
import { memoryOutbox } from '../../../src/outbox/memory.ts'
import { type RedisServer, startRedis } from '../../servers/redis.ts'
import { type Action, actions, limits, Pair, runsOf } from '../model.ts'

let server: RedisServer
let client: Redis
before(async () => {
  server = await startRedis({ appendfsync: 'no' })
  client = new Redis(server.url)
})
after(async () => {
  client.disconnect()
  await server.stop()
})

function linkAt(wallMs: () => number): RedisLink {
  return {
    available: true,
    run: ({ source }, keys, args) => {
      const now = Math.floor(wallMs())
      const time = `{ '${Math.floor(now / 1_000)}', '${(now % 1_000) * 1_000}' }`
      return client.eval(source.replaceAll("call('TIME')", time), keys.length, ...keys, ...args)
    },
    command: (name, args) => client.call(name, ...args.map(String)),
    everywhere: (name, args) => client.call(name, ...args.map(String)).then((answer) => [answer]),
    subscribe: async () => {},
    watch: () => () => {},
    close: async () => {},
  }
}

const noControlPlane = {
  ring: () => {},
  setPaused: async () => {},
  mirror: () => {},
  unmirror: () => {},
  close: async () => {},
}

/** Where all handles deliver, an id is stored once; and Redis keeps its own time, on which nobody's wall clock jumps. */
function forRedis(sequence: readonly Action[]): readonly Action[] {
  let free = 0
  return sequence.map((action): Action => {
    if (action.do === 'pass') return { ...action, jumpMs: 0 }
    if (action.do !== 'append') return action
    const entries = action.entries.map((each) => (each.keyed ? each : { ...each, id: `free ${++free}` }))
    return { ...action, entries }
  })
}

test('any sequence of calls does in Redis what it does on the model', async () => {
  let outboxes = 0
  await fc.assert(
    fc.asyncProperty(actions, async (sequence) => {
      const keys = keysOf(`model-${++outboxes}`, 'test')
      const pair = new Pair(memoryOutbox({ ...limits, deliver: 'all' }), (side) => (context) => {
        const link = linkAt(() => side().runtime.clock.wallMs())
        const openControlPlane = async (): Promise<typeof noControlPlane> => noControlPlane
        return openRedisOutbox({ link, keys, limits: resolveLimits(limits), context, openControlPlane })
      })
      await pair.play(forRedis(sequence))
    }),
    runsOf(40),
  )
})
