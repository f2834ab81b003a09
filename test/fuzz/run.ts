/**
 * Sends random requests to a server and checks what cannot be right whatever was sent: each answer is valid HTTP with
 * an allowed status and comes in time, what was not spoiled is answered, a good request works after each thousand, and
 * memory stays bounded.
 */
import { connect } from 'node:net'

import { seededRandom } from '../../src/testing/seeded-random.ts'
import { readAnswers } from './answers.ts'
import { type FuzzCase, fuzzCase } from './requests.ts'

export interface FuzzOptions {
  readonly url: string
  readonly requests: number
  readonly seed: number
  /** Connections at the same time. */
  readonly parallel?: number
  /** Of the server, where it runs in this process. */
  readonly memoryBytes?: () => number
  readonly onThousand?: (sent: number) => void
}

export interface FuzzReport {
  readonly sent: number
  /** How often each status came; 0 for connections that ended without an answer. */
  readonly statuses: ReadonlyMap<number, number>
  readonly slowestMs: number
  /** Growth from the first tenth of the run to its end. */
  readonly grownBytes: number
  readonly problems: readonly string[]
}

const SLOWEST_MS = 8_000
/**
 * Silence after which the client ends a connection that the server keeps: so long, and so many turns of the event loop, for
 * on a busy machine a process may not run at all for longer than that.
 */
const QUIET_MS = 25
const QUIET_TURNS = 25
const GROWN_BYTES_MAX = 150_000_000
const PROBLEMS_MAX = 10

export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { hostname, port } = new URL(options.url)
  const statuses = new Map<number, number>()
  const problems: string[] = []
  let slowestMs = 0
  let started = 0
  let sent = 0
  let earlyBytes = 0
  const next = async (): Promise<void> => {
    while (started < options.requests && problems.length < PROBLEMS_MAX) {
      const number = started++
      const one = fuzzCase(caseRandom(options.seed, number))
      const { text, tookMs, silent } = await exchange(hostname, Number(port), one)
      const { statuses: got, closes, problem } = readAnswers(text)
      for (const status of got.length === 0 ? [0] : got) statuses.set(status, (statuses.get(status) ?? 0) + 1)
      slowestMs = Math.max(slowestMs, tookMs)
      const wrong = problem ?? wrongOf(closes ? { ...one, answers: undefined } : one, got, tookMs, silent)
      if (wrong !== undefined) problems.push(`seed ${options.seed}, request ${number}: ${wrong}`)
      if (++sent === Math.ceil(options.requests / 10)) earlyBytes = options.memoryBytes?.() ?? 0
      if (sent % 1_000 === 0) {
        problems.push(...(await checkGood(hostname, Number(port), sent)))
        options.onThousand?.(sent)
      }
    }
  }
  await Promise.all(Array.from({ length: options.parallel ?? 32 }, next))
  const grownBytes = (options.memoryBytes?.() ?? 0) - earlyBytes
  if (grownBytes > GROWN_BYTES_MAX) problems.push(`memory grew by ${grownBytes} bytes`)
  return { sent, statuses, slowestMs, grownBytes, problems }
}

/** Each request has its own, so that one can be sent again without those before it. */
export function caseRandom(seed: number, number: number): () => number {
  return seededRandom(seed * 1_000_003 + number)
}

function wrongOf(one: FuzzCase, got: readonly number[], tookMs: number, silent: boolean): string | undefined {
  if (tookMs > SLOWEST_MS) return `it took ${Math.round(tookMs)} ms`
  if (one.answers === undefined) return undefined
  const finals = got.filter((status) => status >= 200)
  if (finals.length < one.answers) {
    return `${finals.length} of ${one.answers} valid requests were answered${silent ? ', then silence' : ''}`
  }
  return undefined
}

const GOOD = Buffer.from(
  'PUT /api/v1/customers/42 HTTP/1.1\r\nHost: relay\r\nAuthorization: Basic c2l0ZTprZXk=\r\n' +
    'Content-Type: application/json\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{"plan":"pro"}',
)

async function checkGood(host: string, port: number, sent: number): Promise<string[]> {
  const { text } = await exchange(host, port, { pieces: [GOOD], answers: 1 })
  const { statuses, problem } = readAnswers(text)
  if (problem === undefined && statuses.length === 1 && statuses[0] === 200) return []
  return [`after ${sent} requests a good one got ${statuses.join(' ') || 'no answer'} ${problem ?? ''}`]
}

interface Exchanged {
  readonly text: string
  readonly tookMs: number
  /** The server kept the connection and said no more; the client ended it. */
  readonly silent: boolean
}

/** One connection: the pieces, and everything that comes back until its end or a silence behind the last answer. */
function exchange(host: string, port: number, { pieces, answers }: FuzzCase): Promise<Exchanged> {
  return new Promise((resolve) => {
    const startedMs = performance.now()
    let text = ''
    let silent = false
    const socket = connect({ port, host, noDelay: true })
    const expected = answers ?? 0
    socket.setEncoding('latin1')
    socket.on('connect', () => {
      for (const piece of pieces) socket.write(piece)
    })
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    // A silence counts only once there is nothing to wait for: the answers of valid requests may take their time.
    socket.setTimeout(QUIET_MS)
    socket.on('timeout', async () => {
      const heard = text.length
      await turns(QUIET_TURNS)
      const { statuses, closes } = readAnswers(text)
      const enough = text.length === heard && (closes || statuses.length >= expected)
      if (!enough && performance.now() - startedMs < SLOWEST_MS) {
        socket.setTimeout(QUIET_MS)
        return
      }
      silent = true
      // A reset, so that the port is free again at once.
      socket.resetAndDestroy()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve({ text, tookMs: performance.now() - startedMs, silent }))
  })
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
