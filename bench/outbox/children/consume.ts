/**
 * A process that takes operations to a sink that takes its time, until its standard input ends. One operation in a
 * hundred must come again the first time. Says `ready`, and `d N` when N operations more are done.
 */
import { writeSync } from 'node:fs'
import { setTimeout as passed } from 'node:timers/promises'

import { inputOfChild } from '../../child.ts'
import { type SideName, sideOf, type Taken } from '../side.ts'

export interface ConsumeInput {
  readonly side: SideName
  readonly url: string
  readonly sinkMs: number
  readonly batches: number
}

const AGAIN_EVERY = 100

const { side, url, sinkMs, batches } = inputOfChild() as ConsumeInput

async function sink(list: readonly Taken[]): Promise<readonly boolean[]> {
  await passed(sinkMs)
  const done = list.map(({ number, isAgain }) => isAgain || number % AGAIN_EVERY !== 0)
  const count = done.filter(Boolean).length
  if (count > 0) writeSync(1, `d ${count}\n`)
  return done
}

const { consume } = await sideOf(side)
const consumer = await consume({ url }, { sink, batches })
consumer.start()
writeSync(1, 'ready\n')
await new Promise((resolve) => process.stdin.resume().once('end', resolve))
await consumer.close()
