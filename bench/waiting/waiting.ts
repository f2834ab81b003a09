/** What a million waiting operations cost the process that holds them, and how soon it can be used after a start. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Case } from '../case.ts'
import { measureInChild } from '../child.ts'
import type { FillAnswer, FillInput } from '../fill.ts'
import { count, median } from '../numbers.ts'
import { alternate } from '../rounds.ts'
import type { WaitingAnswer, WaitingInput } from './child.ts'

const SIZES = { full: { rounds: 3, size: 1_000_000 }, quick: { rounds: 1, size: 500 } } as const

const ABOVE_MB_MAX = 150
const OPEN_S_MAX = 2

export const waiting: Case = {
  name: 'waiting',
  async run(context) {
    const { rounds, size } = SIZES[context.scale]
    const folder = join(context.folder, 'waiting')
    mkdirSync(folder, { recursive: true })
    const path = join(folder, 'outbox.db')
    const input: FillInput = { path, size }
    const filled = await measureInChild<FillAnswer>(new URL('../fill.ts', import.meta.url), input)
    if (filled.waiting !== size) throw new Error(`the outbox holds ${filled.waiting} of ${size} operations`)
    context.say(`waiting: ${count(size)} operations of ${Math.round(filled.bytes / size)} bytes are stored`)

    const answers = await alternate(rounds, ['empty', 'holding'], async (side, round) => {
      const input: WaitingInput = { path: side === 'empty' ? null : path }
      const program = new URL('./child.ts', import.meta.url)
      const answer = await measureInChild<WaitingAnswer>(program, input, ['--expose-gc'])
      context.say(
        `waiting, round ${round + 1} of ${rounds}, ${side}: ${answer.rssMb.toFixed(0)} MB (peak ${answer.peakMb.toFixed(0)} MB)` +
          (side === 'empty'
            ? ''
            : `, append after ${answer.appendMs.toFixed(0)} ms, claim after ${answer.claimMs.toFixed(0)} ms`),
      )
      return answer
    })
    rmSync(folder, { recursive: true, force: true })

    const of = (side: 'empty' | 'holding', field: keyof WaitingAnswer): number =>
      median(answers[side].map((answer) => answer[field]))
    const aboveMb = of('holding', 'rssMb') - of('empty', 'rssMb')
    const peakAboveMb = of('holding', 'peakMb') - of('empty', 'peakMb')
    const openS = median(answers.holding.map((answer) => Math.max(answer.appendMs, answer.claimMs))) / 1000
    return [
      {
        what: `memory with ${count(size)} operations waiting, above the empty process`,
        required: `below ${ABOVE_MB_MAX} MB`,
        measured: `${aboveMb.toFixed(0)} MB (at its peak ${peakAboveMb.toFixed(0)} MB)`,
        holds: aboveMb < ABOVE_MB_MAX,
        numbers: { aboveMb, peakAboveMb, emptyMb: of('empty', 'rssMb') },
      },
      {
        what: 'opening it, until an append is durable and a claim answered',
        required: `under ${OPEN_S_MAX} s`,
        measured: `${openS.toFixed(2)} s`,
        holds: openS < OPEN_S_MAX,
        numbers: { openS, appendMs: of('holding', 'appendMs'), claimMs: of('holding', 'claimMs') },
      },
    ]
  },
}
