/** The real clock, chance and network. The only file of `src` that may touch these globals; lint keeps it so. */
import { randomFillSync } from 'node:crypto'

import type { CancelTimer, Clock, Hold } from './clock.ts'
import type { Runtime } from './runtime.ts'
import { ulid } from './ulid.ts'

/** `setTimeout` takes 2^31 - 1 ms at most and fires at once beyond it. */
const TIMER_MS_MAX = 2_147_483_647

function systemTimer(delayMs: number, fire: () => void, hold: Hold = 'free'): CancelTimer {
  let handle: NodeJS.Timeout
  const arm = (leftMs: number): void => {
    const partMs = Math.min(Math.max(leftMs, 0), TIMER_MS_MAX)
    handle = setTimeout(() => (leftMs > partMs ? arm(leftMs - partMs) : fire()), partMs)
    // A wait of the engine is never a reason for a process to live: what is stored is safe, and calls under way hold
    // it open.
    if (hold === 'free') handle.unref()
  }
  arm(delayMs)
  return () => {
    // Clearing the last held timer of its length makes Node take its lists apart: measured, three times the cost.
    if (hold === 'held') handle.unref()
    clearTimeout(handle)
  }
}

const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  timer: systemTimer,
}

const POOL_BYTES = 4_000
const pool = new Uint8Array(POOL_BYTES)
let poolUsed = POOL_BYTES

/** Ten bytes of cryptographic chance; drawn from a pool because one system call an id is dear. */
function chance(): Uint8Array {
  if (poolUsed + 10 > POOL_BYTES) {
    randomFillSync(pool)
    poolUsed = 0
  }
  poolUsed += 10
  return pool.subarray(poolUsed - 10, poolUsed)
}

/** The runtime of production: real time, `Math.random`, ULIDs with cryptographic chance, and the global `fetch`. */
export const systemRuntime: Runtime = {
  clock: systemClock,
  random: () => Math.random(),
  newId: () => ulid(Date.now(), chance()),
  fetch: (request) => send(request, {}),
}

/** The same with an undici dispatcher (proxy, TLS settings, keep-alive) for the network. */
export function systemRuntimeWith(dispatcher: object): Runtime {
  return { ...systemRuntime, fetch: (request) => send(request, { dispatcher }) }
}

/**
 * Given a whole request, `fetch` makes another one of it, and asks for its body at once. One whose length is told is taken
 * apart instead, so that its body is asked for when the connection takes it, and may still refuse to go.
 */
function send(request: Request, more: object): Promise<Response> {
  if (request.body === null || !request.headers.has('content-length')) return fetch(request, more)
  const { url, method, headers, body, redirect, signal } = request
  const parts: object = { method, headers, body, redirect, signal, duplex: 'half', ...more }
  return fetch(url, parts)
}
