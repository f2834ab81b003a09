/** A process that appends at a steady rate, straight to the outbox: what one group commit takes on this disk. */
import { sqliteOutbox, systemRuntime } from '../../src/index.ts'
import { entryOf } from '../../src/outbox/entry.ts'
import { answerOfChild, inputOfChild } from '../child.ts'
import { quantile } from '../numbers.ts'
import { operationOf, sampleCalls } from '../sample-calls.ts'

export interface CommitInput {
  readonly path: string
  readonly perSecond: number
  readonly seconds: number
}

export interface CommitAnswer {
  readonly p50Ms: number
  readonly p99Ms: number
}

const { path, perSecond, seconds } = inputOfChild() as CommitInput
const outbox = await sqliteOutbox({ path })({ runtime: systemRuntime, workspace: 'bench', notice: () => {} })
const calls = sampleCalls(4_096)
const total = perSecond * seconds
const tookMs: number[] = []
const done = Promise.withResolvers<void>()
const startedMs = performance.now()
let sent = 0
function due(): void {
  for (; sent < total && startedMs + (sent * 1_000) / perSecond <= performance.now(); sent++) {
    const atMs = performance.now()
    void outbox.append([entryOf(operationOf(calls[sent % calls.length]!))]).then(() => {
      tookMs.push(performance.now() - atMs)
      if (tookMs.length === total) done.resolve()
    }, done.reject)
  }
  if (sent < total) setTimeout(due, 1)
}
due()
await done.promise
await outbox.close()
const answer: CommitAnswer = { p50Ms: quantile(tookMs, 0.5), p99Ms: quantile(tookMs, 0.99) }
answerOfChild(answer)
