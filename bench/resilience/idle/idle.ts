/** What breakers cost that wait for a call: one for each tenant or host is common, and most of them rest. */
import type { Attachment, Case, Context } from '../../case.ts'
import { measureInChild } from '../../child.ts'
import { count, median } from '../../numbers.ts'
import { alternate } from '../../rounds.ts'
import type { IdleAnswer, IdleInput } from './child.ts'

const SIZES = { full: { rounds: 5, share: 1 }, quick: { rounds: 1, share: 0.01 } } as const

/** opossum's each keep two timers and a window of objects: a tenth shows what one costs. */
const BREAKERS = { holdfast: 100_000, cockatiel: 100_000, opossum: 10_000 } as const
type Side = keyof typeof BREAKERS

const BYTES_MAX = 1.5 * 1_024

const program = new URL('./child.ts', import.meta.url)

async function measure(context: Context, side: Side): Promise<IdleAnswer> {
  const input: IdleInput = { side, breakers: Math.round(BREAKERS[side] * SIZES[context.scale].share) }
  const answer = await measureInChild<IdleAnswer>(program, input, ['--expose-gc'])
  context.say(`idle, ${side}: ${count(Math.round(answer.bytesEach))} bytes each, ${count(answer.timers)} timers`)
  return answer
}

export const idle: Case = {
  name: 'idle',
  async run(context) {
    const sides = Object.keys(BREAKERS) as Side[]
    const answers = await alternate(SIZES[context.scale].rounds, sides, (side) => measure(context, side))
    const bytesOf = (side: Side): number => median(answers[side].map(({ bytesEach }) => bytesEach))
    const timersOf = (side: Side): number => median(answers[side].map(({ timers }) => timers))
    const attachment: Attachment = {
      title: 'idle breakers, each after one call',
      lines: [
        ['side', 'bytes each', 'timers each'],
        ...sides.map((side) => {
          const breakers = Math.round(BREAKERS[side] * SIZES[context.scale].share)
          return [side, count(Math.round(bytesOf(side))), count(timersOf(side) / breakers)]
        }),
      ],
    }
    context.attach(attachment)
    const [bytes, timers] = [bytesOf('holdfast'), timersOf('holdfast')]
    const what = `${count(BREAKERS.holdfast)} idle breakers`
    return [
      {
        what: `${what}: bytes each`,
        required: `under ${count(BYTES_MAX)}`,
        measured: count(Math.round(bytes)),
        holds: bytes < BYTES_MAX,
        numbers: { bytes },
      },
      {
        what: `${what}: timers`,
        required: 'none',
        measured: count(timers),
        holds: timers === 0,
        numbers: { timers },
      },
    ]
  },
}
