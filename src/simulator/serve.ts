/** The simulator on a socket, with what no framework does: connections that are refused, reset, or broken in the middle. */
import { OptionsError } from '../errors.ts'
import { answer, broken } from '../http/answer.ts'
import { listen } from '../http/listen.ts'
import { unreachable } from '../runtime/assert.ts'
import { type Reply, statusAnswer } from './answers.ts'
import { halfOf } from './network.ts'

export interface SimulatorServer {
  /** The root, without a slash at its end: `http://127.0.0.1:40123`. Track's base URL is this and `/api/v1`. */
  readonly url: string
  readonly port: number
  /** Ends the open connections and frees the port, which from then on refuses. What is remembered stays. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** What answers: the exchange itself, or one with a control API before it (`control.ts`). */
export interface Answering {
  reply(request: Request): Promise<Reply>
  readonly faults: { readonly refusesAll: boolean }
}

const CONNECTIONS_MAX = 10_000

/** Rejects with a ListenError when the port is taken. */
export async function serve(exchange: Answering, port: number, host: string): Promise<SimulatorServer> {
  const listening = await listen(async (request) => responseOf(await replyTo(exchange, request)), {
    host,
    port,
    // It holds nothing that is worth protecting, and in a container it must be reached from others.
    allowRemote: true,
    connectionsMax: CONNECTIONS_MAX,
    resets: () => exchange.faults.refusesAll,
  })
  const close = async (): Promise<void> => {
    await listening.close({ timeoutMs: 0 })
  }
  return { url: listening.url, port: listening.port, close, [Symbol.asyncDispose]: close }
}

async function replyTo(exchange: Answering, request: Request): Promise<Reply> {
  try {
    return await exchange.reply(request)
  } catch (error) {
    // The client has gone: there is nobody to write to.
    if (!(error instanceof OptionsError)) return { kind: 'hang' }
    return { ...statusAnswer(500, 'text'), body: `simulator: ${error.message}\n` }
  }
}

function responseOf(reply: Reply): Response {
  switch (reply.kind) {
    case 'answer':
      return answer(reply.status, reply.headers, reply.body)
    case 'half':
      return broken({ kind: 'half', parts: reply.answer, sent: halfOf(reply.answer.body ?? '') })
    case 'refused':
    case 'reset':
      return broken({ kind: 'reset' })
    case 'hang':
      return broken({ kind: 'end' })
    default:
      return unreachable(reply)
  }
}
