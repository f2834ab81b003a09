/** `kill -9`, again and again, while calls are stored and delivered. */
import { join } from 'node:path'

import { seededRandom } from '../../src/testing/seeded-random.ts'
import type { Case } from '../case.ts'
import { count } from '../numbers.ts'
import { sumOf } from './account.ts'
import { type Life, runWorld } from './world.ts'

// A new process waits some seconds for the dead one's place, so several applications die side by side.
const SIZES = { full: { worlds: 5, kills: 40 }, quick: { worlds: 1, kills: 2 } } as const

export const crash: Case = {
  name: 'crash',
  async run(context) {
    const { worlds, kills } = SIZES[context.scale]
    const lives: Life[] = []
    const killed = (life: Life): void => {
      lives.push(life)
      if (lives.length % 20 === 0) context.say(`crash: ${lives.length} of ${worlds * kills} kills`)
    }
    const runs = Array.from({ length: worlds }, (_, world) =>
      runWorld({ folder: join(context.folder, `crash-${world}`), kills, random: seededRandom(world), killed }),
    )
    const account = sumOf(await Promise.all(runs))
    const whileAppending = lives.filter((life) => life.receipts > 0).length
    const whileDelivering = lives.filter((life) => life.requests > 0).length
    return [
      {
        what: `kill -9 at random points, ${count(lives.length)} times`,
        required: '0 lost, 0 out of order, duplicates with the same id and time',
        measured:
          `${count(account.lost)} lost of ${count(account.acknowledged)} acknowledged, ${count(account.disordered)} out of order; ` +
          `${count(account.arrivals)} arrivals, ${count(account.duplicates)} duplicates, ${count(account.strangers)} with another id or time ` +
          `(${whileAppending} kills while appending, ${whileDelivering} while delivering)`,
        holds: account.lost === 0 && account.disordered === 0 && account.strangers === 0,
        numbers: { kills: lives.length, whileAppending, whileDelivering, ...account },
      },
    ]
  },
}
