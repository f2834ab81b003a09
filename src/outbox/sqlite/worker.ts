/**
 * The thread of the outbox: a `Session` behind a port. It handles one request at a time, in the order of their coming;
 * work on many rows goes on in steps between them, and what can wait is done when nothing else is.
 */
import { parentPort, workerData } from 'node:worker_threads'

import { assert, unreachable } from '../../runtime/assert.ts'
import { systemRuntime } from '../../runtime/system.ts'
import { Anticipation } from './anticipation.ts'
import { failureOf } from './failure.ts'
import { Session, TICK_MS } from './session.ts'
import { finish, type Steps } from './steps.ts'
import {
  packClaim,
  packError,
  packExecutionAnswer,
  packGroupResult,
  packHead,
  unpackGroup,
  type FromWorker,
  type Request,
  type ToWorker,
  type WorkerSetup,
} from './wire.ts'

/** 16 MB, of which as much is used as there are lanes in a backlog: with 10^6, one in 22 idle ones is not known as such. */
const FILTER_BITS = 23
/** Requests in a row before timers and steps get their turn. */
const HANDLED_MAX = 100

assert(parentPort !== null, 'this file is the entry of a worker thread')
const port = parentPort
const { options, workspace } = workerData as WorkerSetup

const session = new Session(options, {
  runtime: systemRuntime,
  workspace,
  notice: (notice) => send({ notice }),
  filterBits: FILTER_BITS,
})
/** Work in steps, by call. The calls take turns. */
const underWay = new Map<number, Steps<unknown>>()
const anticipation = new Anticipation(port)
let busy = false
let closed = false
/** What can wait is looked for after a claim and at each tick: after each append it would be in the way of the next. */
let isIdleDue = false

port.on('message', (first: ToWorker) => {
  let next: ToWorker | undefined = first
  for (let handled = 1; next !== undefined; handled++) {
    anticipation.came()
    take(next)
    next = closed || handled === HANDLED_MAX ? undefined : (anticipation.next() as ToWorker | undefined)
  }
  goOn()
})
tickLater()

function take({ call, request }: ToWorker): void {
  if (request.kind === 'claim') isIdleDue = true
  attempt(call, () => {
    const answer = handle(request)
    if (isSteps(answer)) underWay.set(call, answer)
    else send({ call, value: answer })
  })
  if (request.kind === 'close') {
    closed = true
    port.close()
  }
}

function handle(request: Request): unknown {
  switch (request.kind) {
    case 'open':
      return session.open()
    case 'write':
      return packGroupResult(session.run((core) => core.write(unpackGroup(request.group))))
    case 'claim':
      return packClaim(session.run((core) => core.claim(request.want)))
    case 'renew':
      return session.run((core) => core.renew(request.leases, request.leaseMs))
    case 'mayHold':
      return session.run((core) => core.mayHold(request.lanes))
    case 'lookup':
      return session.run((core) => core.lookup(request.positions))
    case 'setPaused':
      return session.run((core) => core.setPaused(request.pause))
    case 'head':
      return packHead(session.run((core) => core.head(request.want)))
    case 'handOver':
      return session.run((core) => core.handOver(request.handed))
    case 'whereabouts':
      return session.run((core) => core.whereabouts(request.positions))
    case 'execution':
      return session.run((core) => core.executions.run(request.requests)).map(packExecutionAnswer)
    case 'stats':
      return session.steps((core) => core.stats())
    case 'list':
      return session.steps((core) => core.list(request.query))
    case 'resolveDead':
      return session.steps((core) => core.resolveDead(request.selection, request.how))
    case 'purge':
      return session.steps((core) => core.purge(request.lane))
    case 'close':
      finishAll()
      return session.close()
    default:
      return unreachable(request)
  }
}

function finishAll(): void {
  for (const [call, steps] of underWay) attempt(call, () => send({ call, value: finish(steps) }))
  underWay.clear()
}

/** Takes one step of what is under way, or does a little of what can wait; then lets requests come in between. */
function goOn(): void {
  if (busy || closed) return
  busy = true
  setImmediate(() => {
    busy = false
    if (closed) return
    const [next] = underWay
    if (next === undefined) {
      isIdleDue = isIdleDue && session.idle()
      if (isIdleDue) goOn()
      return
    }
    const [call, steps] = next
    underWay.delete(call)
    attempt(call, () => {
      const step = steps.next()
      if (step.done === true) send({ call, value: step.value })
      else underWay.set(call, steps)
    })
    goOn()
  })
}

function tickLater(): void {
  systemRuntime.clock.timer(TICK_MS, () => {
    if (closed) return
    session.tick()
    isIdleDue = true
    goOn()
    tickLater()
  })
}

function attempt(call: number, work: () => void): void {
  try {
    work()
  } catch (error) {
    send({ call, error: packError(failureOf(error, options.path)) })
  }
}

function send(message: FromWorker): void {
  port.postMessage(message)
}

function isSteps(answer: unknown): answer is Steps<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.iterator in answer && 'next' in answer
}
