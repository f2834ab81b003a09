/** A process that stores operations in bulk through one side, some calls at the same time. */
import { answerOfChild, inputOfChild } from '../../child.ts'
import { chunks, operations } from '../operations.ts'
import { appendAll, type SideName, sideOf } from '../side.ts'

export interface AppendInput {
  readonly side: SideName
  readonly url: string
  readonly size: number
  readonly people: number
  readonly callSize: number
  readonly callsInFlight: number
}

export interface AppendAnswer {
  /** Operations a second, without the first ones. */
  readonly perSecond: number
}

/** What runs for the first time is slow on every side: the first calls are not timed. */
const WARM_UP_SHARE = 0.05

const { side, url, size, people, callSize, callsInFlight } = inputOfChild() as AppendInput
const { produce } = await sideOf(side)
const producer = await produce({ url })
const calls = chunks(operations(size, people), callSize)
const warmUpCalls = Math.ceil(calls.length * WARM_UP_SHARE)

await appendAll(producer, calls.slice(0, warmUpCalls), callsInFlight)
const startedMs = performance.now()
await appendAll(producer, calls.slice(warmUpCalls), callsInFlight)
const seconds = (performance.now() - startedMs) / 1000
await producer.close()
const answer: AppendAnswer = { perSecond: (size - warmUpCalls * callSize) / seconds }
answerOfChild(answer)
