/**
 * A process that measures one thing of one side: the processor time of its thread for one call, or the bytes of its
 * heap. Time is taken as Node is started by anybody, collections included. For bytes the young space holds a whole
 * sample (see `measure.ts`), so that no collection falls between the two readings of the heap; a process of its own,
 * since so large a space costs time of its own when it is first touched.
 */
import { setImmediate as turn } from 'node:timers/promises'

import { answerOfChild, inputOfChild } from '../../child.ts'
import { median } from '../../numbers.ts'
import type { Call, Side } from './side.ts'

export interface CostInput {
  readonly side: string
  readonly measure: 'time' | 'bytes'
  readonly samples: number
  /** Of time. Many times the steps of four milliseconds in which some systems count it. */
  readonly sampleMs: number
  /** Calls of a sample of bytes. */
  readonly sampleCalls: number
}

export interface CostAnswer {
  /** Nanoseconds, or bytes, of one call: the median of the samples. */
  readonly value: number
}

function threadUs(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

async function repeat(call: Call, times: number): Promise<void> {
  for (let n = 0; n < times; n++) await call()
}

async function nsOf(call: Call, times: number): Promise<number> {
  const fromUs = threadUs()
  await repeat(call, times)
  return ((threadUs() - fromUs) * 1_000) / times
}

async function bytesOf(call: Call, times: number): Promise<number> {
  globalThis.gc?.()
  await turn()
  const from = process.memoryUsage().heapUsed
  await repeat(call, times)
  const bytes = (process.memoryUsage().heapUsed - from) / times
  if (bytes < 0) throw new Error('a collection fell into a sample of bytes: the young space is too small')
  return bytes
}

/** As many calls as fill the time of a sample, once the code is hot. */
async function callsOf(call: Call, sampleMs: number): Promise<number> {
  let times = 1_000
  const fromUs = threadUs()
  while (threadUs() - fromUs < 2 * sampleMs * 1_000) {
    const ns = await nsOf(call, times)
    await turn()
    // In steps, for the first calls are many times slower than the rest.
    times = Math.max(1_000, Math.min(4 * times, Math.round((sampleMs * 1e6) / Math.max(ns, 1))))
  }
  return times
}

async function samplesOf(call: Call, input: CostInput): Promise<readonly number[]> {
  const samples: number[] = []
  const times = input.measure === 'time' ? await callsOf(call, input.sampleMs) : input.sampleCalls
  for (let sample = 0; sample < input.samples; sample++) {
    samples.push(input.measure === 'time' ? await nsOf(call, times) : await bytesOf(call, times))
    // Timers and rolling statistics get their turn, as in a program that also does other things.
    await turn()
  }
  return samples
}

const input = inputOfChild() as CostInput
// Only what is measured is loaded.
const { open } = (await import(`./sides/${input.side}.ts`)) as Side
const call = await open()
answerOfChild({ value: median(await samplesOf(call, input)) } satisfies CostAnswer)
// Some sides leave timers behind.
process.exit()
