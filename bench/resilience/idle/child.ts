/** A process that makes many breakers, lets each admit a call, and weighs them. */
import { answerOfChild, inputOfChild } from '../../child.ts'
import type { MakeBreaker } from './side.ts'

export interface IdleInput {
  readonly side: string
  readonly breakers: number
}

export interface IdleAnswer {
  readonly bytesEach: number
  readonly timers: number
}

function heapBytes(): number {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Node's own list leaves out timers that do not keep the process alive, so those that are started are counted too. */
const running = new Set<unknown>()

function counted<Start extends (callback: () => void, delayMs?: number) => NodeJS.Timeout>(start: Start): Start {
  const counting = (callback: () => void, delayMs?: number): NodeJS.Timeout => {
    const timer = start(callback, delayMs)
    running.add(timer)
    return timer
  }
  return counting as Start
}

const { clearTimeout: realClear } = globalThis
const clear = (timer?: NodeJS.Timeout): void => {
  running.delete(timer)
  realClear(timer)
}
Object.assign(globalThis, {
  setTimeout: counted(setTimeout),
  setInterval: counted(setInterval),
  clearTimeout: clear,
  clearInterval: clear,
})

function timers(): number {
  return Math.max(running.size, process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length)
}

const { side, breakers } = inputOfChild() as IdleInput
const { make } = (await import(`./sides/${side}.ts`)) as { readonly make: MakeBreaker }
// What the first one costs once for all is not the cost of each.
await make()()
const timersBefore = timers()
// The list itself is there before the reading.
const kept: (() => Promise<unknown>)[] = Array.from({ length: breakers }, () => async () => {})
kept.fill(kept[0]!)
const before = heapBytes()
for (let n = 0; n < breakers; n++) {
  const call = make()
  kept[n] = call
  await call()
}
const answer: IdleAnswer = { bytesEach: (heapBytes() - before) / breakers, timers: timers() - timersBefore }
if (kept.length !== breakers) throw new Error('the breakers were not kept')
answerOfChild(answer)
process.exit()
