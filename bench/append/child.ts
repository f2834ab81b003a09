/** A process that appends through one side from a number of concurrent callers, each call after the answer to the last. */
import { answerOfChild, inputOfChild } from '../child.ts'
import { quantile } from '../numbers.ts'
import type { Place, Side, SideName } from './side.ts'

export interface AppendInput extends Place {
  readonly side: SideName
  readonly callers: number
  readonly warmUpMs: number
  readonly measureMs: number
}

export interface AppendAnswer {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of one append, in microseconds: of the calling thread, and of the whole process. */
  readonly callerUs: number
  readonly processUs: number
}

interface Spent {
  readonly appended: number
  readonly callerUs: number
  readonly processUs: number
}

function spent(): Spent {
  const sum = ({ user, system }: NodeJS.CpuUsage): number => user + system
  return { appended, callerUs: sum(process.threadCpuUsage()), processUs: sum(process.cpuUsage()) }
}

const input = inputOfChild() as AppendInput
// Only what is measured is loaded.
const { open } = (await import(`./sides/${input.side}.ts`)) as { open: (place: Place) => Promise<Side> }
const side = await open(input)

const waitsMs: number[] = []
let appended = 0
let before: Spent | undefined
let after: Spent | undefined
const fromMs = performance.now() + input.warmUpMs
const toMs = fromMs + input.measureMs

/** The callers look at the time themselves: a side that never leaves the microtasks would let no timer fire. */
async function caller(): Promise<void> {
  for (;;) {
    const startedMs = performance.now()
    if (startedMs >= toMs) return
    await side.append(appended++)
    const endedMs = performance.now()
    if (endedMs < fromMs) continue
    before ??= spent()
    if (endedMs < toMs) waitsMs.push(endedMs - startedMs)
    else after ??= spent()
  }
}

await Promise.all(Array.from({ length: input.callers }, caller))

const stored = await side.close()
if (stored !== appended) throw new Error(`${input.side} holds ${stored} of ${appended} appended calls`)
if (before === undefined || after === undefined) throw new Error(`${input.side} answered nothing while it was watched`)
const measured = after.appended - before.appended
const answer: AppendAnswer = {
  perSecond: (waitsMs.length / input.measureMs) * 1000,
  p50Ms: quantile(waitsMs, 0.5),
  p99Ms: quantile(waitsMs, 0.99),
  callerUs: (after.callerUs - before.callerUs) / measured,
  processUs: (after.processUs - before.processUs) / measured,
}
answerOfChild(answer)
