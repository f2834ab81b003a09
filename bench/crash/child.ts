/**
 * One life of the process that is killed. Several callers call for their own people, one call after the other, and the
 * process writes down each receipt before anything else happens: what the pipe holds, the kill cannot take back.
 * When its standard input says `finish`, it calls no more, delivers what waits, and ends by itself.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as passed } from 'node:timers/promises'

import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { inputOfChild } from '../child.ts'
import { sampleCalls } from '../sample-calls.ts'

export interface LifeInput {
  readonly path: string
  readonly baseUrl: string
  /** Numbers of this life begin here. */
  readonly firstNumber: number
  readonly callers: number
  /** Pause of each caller after an answer, at most. */
  readonly pauseMsMax: number
}

/** `a N`: the call with this number has its receipt. `r`: a request was answered. `f ...`: what is left at the end. */
function report(line: string): void {
  writeSync(1, `${line}\n`)
}

const PEOPLE_PER_CALLER = 10

const input = inputOfChild() as LifeInput
const calls = sampleCalls(1_024)
const cio = new ResilientCustomerIO({
  siteId: 'site',
  apiKey: 'key',
  baseUrl: input.baseUrl,
  outbox: sqliteOutbox({ path: input.path }),
  rateLimit: { perSecond: Infinity },
})
cio.on((event) => {
  if (event.type === 'request') report('r')
})

const finishing = new AbortController()
let next = input.firstNumber

async function caller(index: number): Promise<void> {
  while (!finishing.signal.aborted) {
    const number = next++
    const person = `user_${index}_${Math.floor(Math.random() * PEOPLE_PER_CALLER)}`
    const { name, data } = calls[number % calls.length]!
    await (number % 3 === 0
      ? cio.identify(person, { plan: 'pro', number })
      : cio.track(person, { name, data: { ...data, number } }))
    report(`a ${number}`)
    await passed(Math.random() * input.pauseMsMax)
  }
}

createInterface({ input: process.stdin })
  .on('line', () => finishing.abort())
  // Whoever watches is gone.
  .on('close', () => finishing.signal.aborted || process.exit(1))

await Promise.all(Array.from({ length: input.callers }, (_, index) => caller(index)))
await cio.drain()
const { waiting, deadLetters, lost } = await cio.stats()
report(`f ${JSON.stringify({ waiting, deadLetters, lost })}`)
await cio.close()
process.stdin.destroy()
