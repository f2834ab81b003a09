/**
 * The wait for the next request. To fall asleep and to be woken costs a quarter of a commit; so a caller who appends
 * one after the other is waited for awake, for a moment, and only as long as its requests do come at once.
 */
import { availableParallelism } from 'node:os'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'

import { systemRuntime } from '../../runtime/system.ts'

/** The longest wait. A caller who goes on at once is back after some 0.07 ms. */
const AWAKE_MS = 0.08
/** A request that comes so soon after the last one shows such a caller. Most of this is being woken. */
const NEAR_MS = 0.2

export class Anticipation {
  readonly #port: MessagePort
  /** With one processor, the caller could not go on while it is waited for. */
  readonly #possible = availableParallelism() > 1
  #doneMs = -Infinity
  #isNear = false

  constructor(port: MessagePort) {
    this.#port = port
  }

  /** To be called when a request has come. */
  came(): void {
    this.#isNear = this.#possible && systemRuntime.clock.monotonicMs() - this.#doneMs < NEAR_MS
  }

  /** To be called when it is done: the next one, if it is here or comes at once. */
  next(): unknown {
    this.#doneMs = systemRuntime.clock.monotonicMs()
    const endMs = this.#isNear ? this.#doneMs + AWAKE_MS : 0
    do {
      const received = receiveMessageOnPort(this.#port)
      if (received !== undefined) return received.message
    } while (systemRuntime.clock.monotonicMs() < endMs)
    return undefined
  }
}
