/**
 * A process that takes all operations to a sink that does nothing. It checks that each arrives once, and in the order of
 * its person where the side promises that.
 */
import { answerOfChild, inputOfChild } from '../../child.ts'
import { type SideName, sideOf, type Taken } from '../side.ts'

export interface DrainInput {
  readonly side: SideName
  readonly url: string
  readonly size: number
  readonly people: number
  readonly batches: number
  readonly keepsOrder: boolean
}

export interface DrainAnswer {
  /** Operations a second, without the first ones. */
  readonly perSecond: number
  /** Operations in a batch, on average. */
  readonly batch: number
}

const WARM_UP_SHARE = 0.05

const { side, url, size, people, batches, keepsOrder } = inputOfChild() as DrainInput
const times = new Uint8Array(size)
const newest = new Int32Array(people).fill(-1)
const warmUp = Math.ceil(size * WARM_UP_SHARE)
let taken = 0
let calls = 0
let warmMs = 0
let warmTaken = 0
let disordered = 0
let allTaken = (): void => {}
const all = new Promise<void>((resolve) => (allTaken = resolve))

async function sink(list: readonly Taken[]): Promise<readonly boolean[]> {
  for (const { number } of list) {
    times[number]!++
    if (number < newest[number % people]!) disordered++
    newest[number % people] = number
  }
  calls++
  taken += list.length
  if (warmMs === 0 && taken >= warmUp) {
    warmMs = performance.now()
    warmTaken = taken
  }
  if (taken >= size) allTaken()
  return list.map(() => true)
}

const { consume, waiting } = await sideOf(side)
const consumer = await consume({ url }, { sink, batches })
consumer.start()
await all
// The last ones are done when that is written down.
await consumer.close()
const seconds = (performance.now() - warmMs) / 1000

const left = await waiting({ url })
const missing = times.filter((count) => count === 0).length
const repeated = times.filter((count) => count > 1).length
if (left + missing + repeated > 0) {
  throw new Error(`${side}: of ${size} operations ${left} are left, ${missing} missing, ${repeated} repeated`)
}
if (keepsOrder && disordered > 0) throw new Error(`${side}: ${disordered} of ${size} operations out of order`)
const answer: DrainAnswer = { perSecond: (size - warmTaken) / seconds, batch: taken / calls }
answerOfChild(answer)
