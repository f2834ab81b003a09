/**
 * A process whose event loop is watched while it makes calls at a steady rate, or while it makes none: the timer that
 * makes them runs either way.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { join } from 'node:path'

import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { answerOfChild, inputOfChild } from '../child.ts'
import { sampleCalls } from '../sample-calls.ts'

export interface DelayInput {
  /** 0: the process does nothing. */
  readonly callsPerSecond: number
  /** Where the calls are delivered meanwhile; without it delivery is paused. */
  readonly baseUrl?: string
  readonly warmUpMs: number
  readonly measureMs: number
  readonly folder: string
}

export interface DelayAnswer {
  readonly p99Ms: number
  readonly maxMs: number
  /** Calls that were stored while the loop was watched, a second. */
  readonly storedPerSecond: number
}

const input = inputOfChild() as DelayInput
const calls = sampleCalls(4_096)

function startCalling(): { stored(): number; end(): Promise<void> } {
  const cio = new ResilientCustomerIO({
    siteId: 'site',
    apiKey: 'key',
    outbox: sqliteOutbox({ path: join(input.folder, 'outbox.db') }),
    rateLimit: { perSecond: Infinity },
    ...(input.baseUrl === undefined ? {} : { baseUrl: input.baseUrl }),
  })
  if (input.baseUrl === undefined) cio.pause()
  const startedMs = performance.now()
  let made = 0
  let stored = 0
  const calling: Promise<unknown>[] = []
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1000) * input.callsPerSecond
    for (; made < due; made++) {
      const { customerId, name, data } = calls[made % calls.length]!
      calling.push(cio.track(customerId, { name, data }).then(() => stored++))
    }
  }, 1)
  return {
    stored: () => stored,
    async end() {
      clearInterval(timer)
      await Promise.all(calling)
      await cio.close()
    },
  }
}

function startIdling(): { stored(): number; end(): Promise<void> } {
  const timer = setInterval(() => {}, 1)
  return {
    stored: () => 0,
    async end() {
      clearInterval(timer)
    },
  }
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

const work = input.callsPerSecond > 0 ? startCalling() : startIdling()
await passed(input.warmUpMs)
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const [storedBefore, fromMs] = [work.stored(), performance.now()]
await passed(input.measureMs)
const seconds = (performance.now() - fromMs) / 1000
const stored = work.stored() - storedBefore
delay.disable()
await work.end()

const answer: DelayAnswer = {
  p99Ms: delay.percentile(99) / 1e6,
  maxMs: delay.max / 1e6,
  storedPerSecond: stored / seconds,
}
answerOfChild(answer)
