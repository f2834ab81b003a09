/**
 * Group commit for executions, on the caller's side: what is asked in one turn of the event loop, and all that comes
 * while a group is under way, travels and is committed together.
 */
import type { HoldfastError } from '../../errors.ts'
import type { IdempotencyStore } from '../../idempotency/store.ts'
import { executionStore, type ExecutionRequest } from './executions.ts'
import { unpackError, type PackedExecutionAnswer } from './wire.ts'

const GROUP_REQUESTS_MAX = 500
/** Of results; one more may come on top. */
const GROUP_CHARS_MAX = 4 * 1024 * 1024

interface Waiter {
  readonly request: ExecutionRequest
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: HoldfastError) => void
}

type Send = (requests: readonly ExecutionRequest[]) => Promise<readonly PackedExecutionAnswer[]>

export class ExecutionGroups {
  readonly store: IdempotencyStore = executionStore(<Answer>(request: ExecutionRequest) => this.#ask<Answer>(request))
  readonly #send: Send
  readonly #waiting: Waiter[] = []
  #active = false
  readonly #whenIdle: (() => void)[] = []

  constructor(send: Send) {
    this.#send = send
  }

  /** Resolves when nothing waits for its answer any more. */
  idle(): Promise<void> {
    if (!this.#active) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve)
    })
  }

  #ask<Answer>(request: ExecutionRequest): Promise<Answer> {
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject })
      if (this.#active) return
      this.#active = true
      setImmediate(() => void this.#flush())
    }) as Promise<Answer>
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, this.#nextLength())
      try {
        const answers = await this.#send(group.map(({ request }) => request))
        for (const [index, { resolve, reject }] of group.entries()) {
          const answer = answers[index]!
          if ('error' in answer) reject(unpackError(answer.error))
          else resolve(answer.value)
        }
      } catch (error) {
        for (const { reject } of group) reject(error as HoldfastError)
      }
    }
    this.#active = false
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #nextLength(): number {
    let chars = 0
    let length = 0
    for (const { request } of this.#waiting) {
      if (length >= GROUP_REQUESTS_MAX || chars >= GROUP_CHARS_MAX) break
      length++
      if (request.step === 'complete') chars += request.ask.value.length
    }
    return length
  }
}
