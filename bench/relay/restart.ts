/** How soon the relay is ready after a start with a million operations waiting, and after a kill. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Case } from '../case.ts'
import { count, median } from '../numbers.ts'
import { fillRelay } from './filled.ts'
import { startRelay } from './servers.ts'

const SIZES = { full: { rounds: 5, waiting: 1_000_000 }, quick: { rounds: 1, waiting: 500 } } as const
const READY_S_MAX = 3

export const restart: Case = {
  name: 'restart',
  async run(context) {
    const { rounds, waiting } = SIZES[context.scale]
    const folder = join(context.folder, 'restart')
    mkdirSync(folder, { recursive: true })
    await fillRelay(folder, waiting)
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const relay = await startRelay(folder, 'http://127.0.0.1:9')
      times.push(relay.readyMs / 1_000)
      context.say(`restart, round ${round + 1} of ${rounds}: ready after ${times.at(-1)!.toFixed(2)} s`)
      if (round % 2 === 0) await relay.close()
      else await relay.kill()
    }
    rmSync(folder, { recursive: true, force: true })
    const readyS = median(times)
    return [
      {
        what: `restart with ${count(waiting)} operations waiting, until it is ready`,
        required: `under ${READY_S_MAX} s`,
        measured: `${readyS.toFixed(2)} s (at worst ${Math.max(...times).toFixed(2)} s)`,
        holds: readyS < READY_S_MAX,
        numbers: { readyS, worstS: Math.max(...times) },
      },
    ]
  },
}
