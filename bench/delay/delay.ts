/** What the calls cost the event loop of the process that makes them. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { createSimulator } from '../../src/simulator/index.ts'
import type { Case, Row } from '../case.ts'
import { measureInChild } from '../child.ts'
import { median, perSecond } from '../numbers.ts'
import { alternate } from '../rounds.ts'
import type { DelayAnswer, DelayInput } from './child.ts'

const SIZES = {
  full: { rounds: 5, warmUpMs: 1_500, measureMs: 4_000 },
  quick: { rounds: 1, warmUpMs: 100, measureMs: 200 },
} as const

const CALLS_PER_SECOND = 5_000
const ADDED_MS_MAX = 3
/** A process that stores less than this share of what it should is not the process that the figure speaks of. */
const STORED_SHARE_MIN = 0.95

const SIDES = ['idle', 'paused', 'delivering'] as const

export const delay: Case = {
  name: 'delay',
  async run(context) {
    const { rounds, warmUpMs, measureMs } = SIZES[context.scale]
    const simulator = createSimulator({ latencyMs: 20, ledger: false, state: false })
    await using server = await simulator.listen()
    const answers = await alternate(rounds, SIDES, async (side, round) => {
      const folder = join(context.folder, 'delay')
      mkdirSync(folder, { recursive: true })
      const input: DelayInput = {
        callsPerSecond: side === 'idle' ? 0 : CALLS_PER_SECOND,
        ...(side === 'delivering' ? { baseUrl: server.url } : {}),
        warmUpMs,
        measureMs,
        folder,
      }
      const answer = await measureInChild<DelayAnswer>(new URL('./child.ts', import.meta.url), input)
      rmSync(folder, { recursive: true, force: true })
      context.say(
        `delay, round ${round + 1} of ${rounds}, ${side}: p99 ${answer.p99Ms.toFixed(2)} ms, ` +
          `max ${answer.maxMs.toFixed(1)} ms, ${perSecond(answer.storedPerSecond)}`,
      )
      return answer
    })
    const row = (side: 'paused' | 'delivering', what: string): Row => {
      const added = median(answers[side].map((answer, round) => answer.p99Ms - answers.idle[round]!.p99Ms))
      const [p99Ms, idleMs] = [answers[side], answers.idle].map((list) => median(list.map((answer) => answer.p99Ms)))
      const stored = median(answers[side].map((answer) => answer.storedPerSecond))
      return {
        what,
        required: `p99 below ${ADDED_MS_MAX} ms`,
        measured: `${added.toFixed(2)} ms (${p99Ms!.toFixed(2)} to ${idleMs!.toFixed(2)}; ${perSecond(stored)} stored)`,
        holds: added < ADDED_MS_MAX && stored >= STORED_SHARE_MIN * CALLS_PER_SECOND,
        numbers: { addedMs: added, p99Ms: p99Ms!, idleP99Ms: idleMs!, storedPerSecond: stored },
      }
    }
    return [
      row('paused', 'event loop delay added by 5,000 appends/s'),
      row('delivering', 'the same while they are delivered'),
    ]
  },
}
