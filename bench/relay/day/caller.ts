/**
 * A caller of the relay, as the official Node client is one: a connection, one request after the other, three retries
 * with `X-Retry-Count`, 200 ms doubling, ten seconds for an answer. Now and then its answer is lost on the way.
 */
import { sleep } from '../../../src/runtime/clock.ts'
import type { Random } from '../../../src/runtime/runtime.ts'
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { authorization } from '../servers.ts'
import type { Accounts } from './account.ts'

export interface CallerOptions {
  readonly name: string
  readonly people: number
  readonly clock: VirtualClock
  readonly random: Random
  readonly accounts: Accounts
  /** The relay that listens right now. Rejects where none does. */
  readonly send: (request: Request, connection: object) => Promise<Response>
  /** The mean wait between two calls, in milliseconds, at this time. */
  readonly pauseMs: () => number
  readonly untilMs: number
}

const ATTEMPTS = 4
const TIMEOUT_MS = 10_000
const BACKOFF_MS = 200
const LOST_ANSWERS = 0.002
const headers = { authorization: authorization(), 'content-type': 'application/json' }

export async function runCaller(options: CallerOptions): Promise<void> {
  const { clock, random, accounts } = options
  const numbers = new Map<string, number>()
  const connection = {}
  for (;;) {
    await sleep(clock, -Math.log(1 - random()) * options.pauseMs())
    if (clock.monotonicMs() >= options.untilMs) return
    const person = `${options.name}-${Math.floor(random() * options.people)}`
    const number = (numbers.get(person) ?? -1) + 1
    numbers.set(person, number)
    accounts.issue(person, number)
    if (await isStored(person, number, connection, options)) accounts.acknowledge(person, number)
    else accounts.giveUp()
  }
}

async function isStored(person: string, number: number, connection: object, options: CallerOptions): Promise<boolean> {
  const body = JSON.stringify({ name: 'happened', data: { number } })
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await sleep(options.clock, (1 + options.random()) * BACKOFF_MS * 2 ** (attempt - 1))
    const request = new Request(`http://relay/api/v1/customers/${person}/events`, {
      method: 'POST',
      headers: attempt === 0 ? headers : { ...headers, 'x-retry-count': String(attempt) },
      body,
    })
    const status = await statusOf(request, connection, options)
    if (status === 200 && options.random() >= LOST_ANSWERS) return true
  }
  return false
}

/** Undefined when no answer came in time. */
async function statusOf(request: Request, connection: object, options: CallerOptions): Promise<number | undefined> {
  const timeout = new AbortController()
  const late = sleep(options.clock, TIMEOUT_MS, timeout.signal).then(() => undefined)
  const answered = options.send(request, connection).then(
    ({ status }) => status,
    () => undefined,
  )
  const status = await Promise.race([answered, late])
  timeout.abort()
  return status
}
