/** The same job with the official client, one request for each call, and with ours; over HTTP, both in processes of their own. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { createSimulator } from '../../src/simulator/index.ts'
import type { Case } from '../case.ts'
import { measureInChild } from '../child.ts'
import { count, median, perSecond, ratio, ratios } from '../numbers.ts'
import { alternate } from '../rounds.ts'
import type { OfficialAnswer, OfficialInput } from './child.ts'

const SIZES = { full: { rounds: 3, size: 60_000 }, quick: { rounds: 1, size: 100 } } as const

const LATENCY_MS = 20
const TIMES_MIN = 10

export const official: Case = {
  name: 'official',
  async run(context) {
    const { rounds, size } = SIZES[context.scale]
    const answers = await alternate(rounds, ['customerio-node', 'holdfast'], async (library, round) => {
      const folder = join(context.folder, 'official')
      mkdirSync(folder, { recursive: true })
      const simulator = createSimulator({ latencyMs: LATENCY_MS, state: false })
      await using server = await simulator.listen()
      const input: OfficialInput = { library, baseUrl: server.url, size, folder }
      const { seconds } = await measureInChild<OfficialAnswer>(new URL('./child.ts', import.meta.url), input)
      rmSync(folder, { recursive: true, force: true })
      const numbers = simulator.ledger
        .applied()
        .map(({ call }) => (call?.type === 'event' ? call.data['number'] : null))
      if (numbers.length !== size || new Set(numbers).size !== size) {
        throw new Error(`${numbers.length} operations of ${size} arrived with ${library}`)
      }
      context.say(
        `official, round ${round + 1} of ${rounds}, ${library}: ${seconds.toFixed(2)} s, ${perSecond(size / seconds)}`,
      )
      return seconds
    })
    const times = median(ratios(answers['customerio-node'], answers.holdfast))
    const [theirs, ours] = [median(answers['customerio-node']), median(answers.holdfast)]
    return [
      {
        what: `${count(size)} events, customerio-node at concurrency 32`,
        required: `${TIMES_MIN} times as long as ours`,
        measured: `${ratio(times)} times (${theirs.toFixed(1)} s to ${ours.toFixed(1)} s)`,
        holds: times >= TIMES_MIN,
        numbers: { times, oursS: ours, theirsS: theirs },
      },
    ]
  },
}
