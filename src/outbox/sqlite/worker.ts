/**
 * The worker thread of the SQLite outbox. It takes everything that has come in meanwhile, commits all appends and
 * settlements of it at once, then answers the questions in their order. Long work goes on in steps between messages.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'

import { isHoldfastError } from '../../errors.ts'
import { assert } from '../../runtime/assert.ts'
import { systemRuntime } from '../../runtime/system.ts'
import type { NewEntry, Settlement } from '../outbox.ts'
import type { SqliteCore } from './core.ts'
import { OPENING, type Reply, type Request, sendError, type WorkerInput } from './messages.ts'
import { openCore } from './open-core.ts'
import type { Steps } from './steps.ts'

assert(parentPort !== null, 'the worker has a parent')
const port = parentPort
const input = workerData as WorkerInput
const long: { readonly number: number; readonly steps: Steps<unknown> }[] = []

function reply(message: Reply): void {
  port.postMessage(message)
}

function answerWith(number: number, work: () => unknown): void {
  try {
    reply({ type: 'answer', number, value: work() })
  } catch (error) {
    reply({ type: 'failure', number, error: sendError(error) })
  }
}

function open(): SqliteCore | undefined {
  try {
    const core = openCore(input.options, {
      runtime: systemRuntime,
      workspace: input.workspace,
      notice: (notice) => reply({ type: 'notice', notice }),
    })
    reply({ type: 'answer', number: OPENING, value: null })
    return core
  } catch (error) {
    reply({ type: 'failure', number: OPENING, error: sendError(error) })
    port.close()
    return undefined
  }
}

const opened = open()

function handle(first: Request): void {
  const core = opened
  if (core === undefined) return
  const requests = [first]
  for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
    requests.push(more.message as Request)
  }
  commit(core, requests)
  for (const request of requests) if (request.type === 'ask') ask(core, request)
}

/** One commit for all appends and settlements. */
function commit(core: SqliteCore, requests: readonly Request[]): void {
  const calls: (readonly NewEntry[])[] = []
  const settlements: Settlement[] = []
  for (const request of requests) {
    if (request.type === 'group') calls.push(...request.calls)
    if (request.type === 'settle') settlements.push(...request.settlements)
  }
  if (requests.every((request) => request.type === 'ask')) return
  try {
    const { appended, settled } = core.commit(calls, settlements)
    let call = 0
    let settlement = 0
    for (const { type, number, ...request } of requests) {
      if (type === 'group' && 'calls' in request) {
        const results = appended.slice(call, (call += request.calls.length))
        reply({ type: 'answer', number, value: results.map((one) => (isHoldfastError(one) ? sendError(one) : one)) })
      }
      if (type === 'settle' && 'settlements' in request) {
        reply({ type: 'answer', number, value: settled.slice(settlement, (settlement += request.settlements.length)) })
      }
    }
  } catch (error) {
    const failure = sendError(error)
    for (const { type, number } of requests) if (type !== 'ask') reply({ type: 'failure', number, error: failure })
  }
}

function ask(core: SqliteCore, request: Extract<Request, { readonly type: 'ask' }>): void {
  const { number, question } = request
  const args = request.args as readonly never[]
  switch (question) {
    case 'claim':
      return answerWith(number, () => core.claim(args[0]!))
    case 'renew':
      return answerWith(number, () => core.renew(args[0]!, args[1]!))
    case 'lookup':
      return answerWith(number, () => core.lookup(args[0]!))
    case 'stats':
      return begin(number, core.stats())
    case 'list':
      return begin(number, core.list(args[0]!))
    case 'resolveDead':
      return begin(number, core.resolveDead(args[0]!, args[1]!))
    case 'purge':
      return begin(number, core.purge(args[0]!))
    case 'close':
      answerWith(number, () => core.close())
      return port.close()
  }
}

/** The first step at once: most work has no second one. */
function begin(number: number, steps: Steps<unknown>): void {
  long.push({ number, steps })
  if (long.length === 1) advance()
}

function advance(): void {
  const [current] = long
  if (current === undefined) return
  try {
    const step = current.steps.next()
    if (step.done === true) {
      long.shift()
      reply({ type: 'answer', number: current.number, value: step.value })
    }
  } catch (error) {
    long.shift()
    reply({ type: 'failure', number: current.number, error: sendError(error) })
  }
  if (long.length > 0) setImmediate(advance)
}

port.on('message', handle)
