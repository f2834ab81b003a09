/** What the relay weighs with 10,000 connections on which nothing happens and a million operations that wait. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Case } from '../case.ts'
import { count, median } from '../numbers.ts'
import { openConnections } from './connections.ts'
import { fillRelay } from './filled.ts'
import { startRelay } from './servers.ts'

const SIZES = {
  full: { rounds: 3, connections: 10_000, waiting: 1_000_000 },
  quick: { rounds: 1, connections: 100, waiting: 500 },
} as const
const RSS_MB_MAX = 400
const LOOKS = 20
const LOOK_MS = 500

export const idle: Case = {
  name: 'idle',
  async run(context) {
    const { rounds, connections, waiting } = SIZES[context.scale]
    const folder = join(context.folder, 'idle')
    mkdirSync(folder, { recursive: true })
    await fillRelay(folder, waiting)
    const sizes: number[] = []
    for (let round = 0; round < rounds; round++) {
      // Nobody answers there, so everything goes on waiting.
      const relay = await startRelay(folder, 'http://127.0.0.1:9')
      const open = await openConnections(relay.url, connections)
      let most = 0
      for (let look = 0; look < LOOKS; look++) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
        most = Math.max(most, relay.rssMb())
      }
      if ((await open.alive()) !== connections) throw new Error('the relay closed connections that were to be idle')
      open.close()
      await relay.close()
      sizes.push(most)
      context.say(`idle, round ${round + 1} of ${rounds}: ${most.toFixed(0)} MB at most`)
    }
    rmSync(folder, { recursive: true, force: true })
    const rssMb = median(sizes)
    return [
      {
        what: `resident memory with ${count(connections)} idle connections and ${count(waiting)} waiting operations`,
        required: `under ${RSS_MB_MAX} MB`,
        measured: `${rssMb.toFixed(0)} MB, the most that was seen`,
        holds: rssMb < RSS_MB_MAX,
        numbers: { rssMb },
      },
    ]
  },
}
