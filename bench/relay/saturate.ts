/**
 * A process that sends as fast as it is answered: one request at a time on each connection, as bytes that were made in
 * advance. It looks at an answer's status and length and at nothing else, to leave the processor to the server.
 */
import { connect, type Socket } from 'node:net'

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
  /** All answered 200. */
  readonly requestsPerSecond: number
}

/** Code becomes hot and the heap takes its size before anything counts. */
const WARM_UP_S = 4
const BATCHES = 64
const BODIES = 2_048

const { url, connections, seconds, operations } = inputOfChild() as SaturateInput
const { hostname, port } = new URL(url)
const calls = sampleCalls(BODIES)
const requests = Array.from({ length: operations === 1 ? BODIES : BATCHES }, (_, index) =>
  operations === 1 ? single(index) : batch(index),
)

function single(index: number): Buffer {
  const { customerId, name, data } = calls[index]!
  return bytesOf(`/api/v1/customers/${customerId}/events`, { name, data })
}

function batch(index: number): Buffer {
  const items = Array.from({ length: operations }, (_, item) => {
    const { customerId, name, data } = calls[(index * operations + item) % calls.length]!
    return { type: 'person', action: 'event', identifiers: { id: customerId }, name, attributes: data }
  })
  return bytesOf('/api/v2/batch', { batch: items })
}

function bytesOf(path: string, value: object): Buffer {
  const body = JSON.stringify(value)
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${hostname}:${port}`,
    `authorization: ${authorization()}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}

let answered = 0
let isOver = false

/** Sends on one connection until the time is over. */
function drive(first: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = first
    let pending = ''
    const socket: Socket = connect(Number(port), hostname, send)
    socket.setNoDelay(true).setEncoding('latin1')
    function send(): void {
      socket.write(requests[next++ % requests.length]!)
    }
    socket.on('data', (text: string) => {
      pending += text
      const headEnd = pending.indexOf('\r\n\r\n')
      if (headEnd === -1) return
      const length = /\r\ncontent-length: (\d+)/i.exec(pending)
      if (!pending.startsWith('HTTP/1.1 200 ') || length === null) {
        reject(new Error(pending.slice(0, 300)))
        return
      }
      if (pending.length < headEnd + 4 + Number(length[1])) return
      pending = ''
      answered++
      if (isOver) {
        socket.end()
        resolve()
      } else send()
    })
    socket.once('error', reject)
    socket.once('end', () => reject(new Error('the server ended a connection')))
  })
}

const passed = (s: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, s * 1_000))
const drivers = Promise.all(Array.from({ length: connections }, (_, index) => drive(index * 97)))
await Promise.race([drivers, passed(WARM_UP_S)])
const from = { answered, atMs: performance.now() }
await Promise.race([drivers, passed(seconds)])
const answer: SaturateAnswer = {
  requestsPerSecond: ((answered - from.answered) * 1_000) / (performance.now() - from.atMs),
}
isOver = true
await drivers
answerOfChild(answer)
