/** A program that fills an outbox: every operation knows its number, so that whoever gets it can tell which one it is. */
import { sqliteOutbox, systemRuntime } from '../src/index.ts'
import { entryOf } from '../src/outbox/entry.ts'
import type { NewEntry } from '../src/outbox/outbox.ts'
import { inputOfChild, answerOfChild } from './child.ts'
import { operationOf, sampleCalls } from './sample-calls.ts'

export interface FillInput {
  readonly path: string
  readonly size: number
  /** @defaultValue 'site' */
  readonly workspace?: string
}

export interface FillAnswer {
  readonly waiting: number
  readonly bytes: number
}

/** As many as one group of the outbox takes. */
const APPEND_ENTRIES = 2_000
/** Appends under way: the next is ready when one is done. */
const APPENDS_MAX = 2

const { path, size, workspace = 'site' } = inputOfChild() as FillInput
const outbox = await sqliteOutbox({ path })({ runtime: systemRuntime, workspace, notice: () => {} })
const calls = sampleCalls(16_384)

function entry(number: number): NewEntry {
  const call = calls[number % calls.length]!
  return entryOf(operationOf({ ...call, data: { ...call.data, number } }))
}

let next = 0
async function appender(): Promise<void> {
  while (next < size) {
    const from = next
    next = Math.min(size, next + APPEND_ENTRIES)
    await outbox.append(Array.from({ length: next - from }, (_, index) => entry(from + index)))
  }
}
await Promise.all(Array.from({ length: APPENDS_MAX }, appender))
const { waiting, waitingBytes } = await outbox.stats()
await outbox.close()
const answer: FillAnswer = { waiting, bytes: waitingBytes }
answerOfChild(answer)
