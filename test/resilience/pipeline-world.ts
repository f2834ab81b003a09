/** A pipeline on virtual time, and operations that a test ends by hand. */
import assert from 'node:assert/strict'

import type {
  PipelineAttempt,
  CallOptions,
  Pipeline,
  PipelineEvent,
  Result,
} from '../../src/resilience/pipeline-contract.ts'
import type { PipelineOptions } from '../../src/resilience/pipeline-options.ts'
import { createPipeline } from '../../src/resilience/pipeline.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

export class StatusError extends Error {
  readonly status: number
  readonly retryAfterMs: number | undefined

  constructor(status: number, retryAfterMs?: number) {
    super(`status ${status}`)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** One attempt that waits for the test to end it. */
export interface Started {
  readonly name: string
  readonly attempt: PipelineAttempt
  readonly atMs: number
  readonly resolve: (value?: unknown) => void
  readonly reject: (error: unknown) => void
}

export interface World {
  readonly clock: VirtualClock
  readonly pipeline: Pipeline<'a' | 'b'>
  readonly events: PipelineEvent<'a' | 'b'>[]
  /** Attempts in the order of their start. */
  readonly started: Started[]
  /** Results by the name of the call. */
  readonly results: Map<string, Result<unknown> & { readonly atMs: number }>
  /** Begins a call whose attempts the test ends. */
  readonly call: (name: string, options?: CallOptions, limit?: 'a' | 'b') => void
  /** Makes a call whose attempts end at once with these statuses in turn; resolves to its result. */
  readonly run: (statuses: readonly (number | Error)[], options?: CallOptions) => Promise<Result<unknown>>
  /** Ten failures: the circuit is open. */
  readonly open: () => Promise<void>
}

const LIMIT = { perSecond: Infinity, concurrency: 4 }

export function world(options: Partial<PipelineOptions<'a' | 'b'>> = {}): World {
  const clock = new VirtualClock()
  const events: PipelineEvent<'a' | 'b'>[] = []
  const started: Started[] = []
  const results: World['results'] = new Map()
  const pipeline = createPipeline<'a' | 'b'>({ limits: { a: LIMIT, b: LIMIT }, clock, random: () => 0.5, ...options })
  pipeline.subscribe((event) => events.push(event))

  const call: World['call'] = (name, callOptions, limit = 'a') => {
    const operation = (attempt: PipelineAttempt): Promise<unknown> =>
      new Promise((resolve, reject) => {
        started.push({ name, attempt, atMs: clock.monotonicMs(), resolve, reject })
      })
    pipeline.tryExecute(limit, operation, callOptions).then(
      (result) => results.set(name, { ...result, atMs: clock.monotonicMs() }),
      (error: unknown) => assert.fail(`tryExecute threw ${String(error)}`),
    )
  }

  const run: World['run'] = async (statuses, callOptions) => {
    let attempts = 0
    const results: Result<unknown>[] = []
    const operation = async (): Promise<number> => {
      const status = statuses[Math.min(attempts++, statuses.length - 1)]!
      if (status === 200) return 200
      throw typeof status === 'number' ? new StatusError(status) : status
    }
    pipeline.tryExecute('a', operation, callOptions).then(
      (result) => results.push(result),
      (error: unknown) => assert.fail(`tryExecute threw ${String(error)}`),
    )
    await clock.advance(0)
    while (results.length === 0 && clock.pending > 0) await clock.step()
    const [result] = results
    assert.ok(result, 'the call ended')
    return result
  }

  const open = async (): Promise<void> => {
    for (let failure = 0; failure < 10; failure++) {
      await pipeline.tryExecute(
        'a',
        () => {
          throw new StatusError(503)
        },
        { deadlineMs: 1 },
      )
    }
    assert.equal(pipeline.stats().breaker.state, 'open')
  }

  return { clock, pipeline, events, started, results, call, run, open }
}
