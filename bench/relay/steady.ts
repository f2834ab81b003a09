/**
 * A process that sends at a steady rate, whether it is answered or not. A latency counts from the moment at which the
 * request was due, so that a server that stands still is charged for all that came meanwhile.
 */
import { Agent, request } from 'node:http'

import { answerOfChild, inputOfChild } from '../child.ts'
import { quantile } from '../numbers.ts'
import { sampleCalls } from '../sample-calls.ts'
import { authorization } from './servers.ts'

export interface SteadyInput {
  readonly url: string
  readonly perSecond: number
  readonly seconds: number
}

export interface SteadyAnswer {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly answered: number
  readonly failed: number
}

const CONNECTIONS = 256
/** Connections are made and code becomes hot, which takes its seconds at this rate, before anything counts. */
const WARM_UP_S = 10

const { url, perSecond, seconds } = inputOfChild() as SteadyInput
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
const headers = { authorization: authorization(), 'content-type': 'application/json' }
const bodies = sampleCalls(4_096).map(({ customerId, name, data }) => ({
  path: `/api/v1/customers/${customerId}/events`,
  body: Buffer.from(JSON.stringify({ name, data })),
}))
const total = perSecond * (WARM_UP_S + seconds)
const latencies: number[] = []
let failed = 0
let ended = 0
const done = Promise.withResolvers<void>()

function send(number: number, dueMs: number): void {
  const { path, body } = bodies[number % bodies.length]!
  const counts = number >= perSecond * WARM_UP_S
  const end = (isGood: boolean): void => {
    if (counts && isGood) latencies.push(performance.now() - dueMs)
    if (counts && !isGood) failed++
    if (++ended === total) done.resolve()
  }
  const options = { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } }
  request(`${url}${path}`, options, (answer) => {
    answer.resume().once('end', () => end(answer.statusCode === 200))
  })
    .once('error', () => end(false))
    .end(body)
}

const startedMs = performance.now()
let sent = 0
function due(): void {
  const now = performance.now()
  while (sent < total && startedMs + (sent * 1_000) / perSecond <= now) {
    send(sent, startedMs + (sent * 1_000) / perSecond)
    sent++
  }
  if (sent < total) setTimeout(due, 1)
}
due()
await done.promise
agent.destroy()
const answer: SteadyAnswer = {
  p50Ms: quantile(latencies, 0.5),
  p99Ms: quantile(latencies, 0.99),
  answered: latencies.length,
  failed,
}
answerOfChild(answer)
