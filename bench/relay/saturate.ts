/** A process that sends as fast as it is answered, over as many connections as told. */
import autocannon from 'autocannon'

import { answerOfChild, inputOfChild } from '../child.ts'
import { sampleCalls } from '../sample-calls.ts'
import { authorization } from './servers.ts'

export interface SaturateInput {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** Operations in a request: 1 for single events, more for v2 batches. */
  readonly operations: number
}

export interface SaturateAnswer {
  readonly requestsPerSecond: number
  readonly answered: number
  /** Answered with something else than 2xx. */
  readonly refused: number
  readonly broken: number
  readonly p99Ms: number
}

const BODIES = 2_048

const { url, connections, seconds, operations } = inputOfChild() as SaturateInput
const headers = { authorization: authorization(), 'content-type': 'application/json' }
const calls = sampleCalls(BODIES * Math.min(operations, 8))

function single(index: number): autocannon.Request {
  const { customerId, name, data } = calls[index]!
  const path = `/api/v1/customers/${customerId}/events`
  return { method: 'POST', path, headers, body: JSON.stringify({ name, data }) }
}

function batch(index: number): autocannon.Request {
  const items = Array.from({ length: operations }, (_, item) => {
    const { customerId, name, data } = calls[(index * operations + item) % calls.length]!
    return { type: 'person', action: 'event', identifiers: { id: customerId }, name, attributes: data }
  })
  return { method: 'POST', path: '/api/v2/batch', headers, body: JSON.stringify({ batch: items }) }
}

const requests = Array.from({ length: operations === 1 ? BODIES : 64 }, (_, index) =>
  operations === 1 ? single(index) : batch(index),
)
/** Each connection begins somewhere else among the requests. */
let next = 0
function spread(client: autocannon.Client): void {
  const from = (next = (next + 97) % requests.length)
  client.setRequests([...requests.slice(from), ...requests.slice(0, from)])
}
const result = await autocannon({ url, connections, duration: seconds, requests, setupClient: spread })

const answer: SaturateAnswer = {
  requestsPerSecond: result['2xx'] / result.duration,
  answered: result['2xx'],
  refused: result.non2xx,
  broken: result.errors,
  p99Ms: result.latency.p99,
}
if (answer.refused + answer.broken > 0) {
  throw new Error(`of ${answer.answered} requests ${answer.refused} were refused and ${answer.broken} broke`)
}
answerOfChild(answer)
