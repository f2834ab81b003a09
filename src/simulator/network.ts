/** Replies as the global `fetch` would give them: a Response, or the error it rejects with. */
import { unreachable } from '../runtime/assert.ts'
import type { Answer, Reply } from './answers.ts'

/** @throws TypeError as `fetch` does when there was no connection, or it broke */
export function responseOf(reply: Reply): Response {
  switch (reply.kind) {
    case 'answer':
      return new Response(reply.body, { status: reply.status, headers: reply.headers })
    case 'half':
      return halfResponse(reply.answer)
    case 'refused':
      throw failed('connect ECONNREFUSED', 'ECONNREFUSED', 'connect')
    case 'reset':
      throw failed('read ECONNRESET', 'ECONNRESET', 'read')
    case 'hang':
      throw new Error('a request that hangs has no response')
    default:
      return unreachable(reply)
  }
}

/** The first half of the bytes, which never cuts them all. */
export function halfOf(body: string): Uint8Array {
  const bytes = Buffer.from(body)
  return bytes.subarray(0, bytes.byteLength >> 1)
}

function halfResponse(answer: Answer): Response {
  const half = halfOf(answer.body ?? '')
  let sent = false
  const body = new ReadableStream<Uint8Array>({
    // The error in a second pull: an error throws away what is still queued.
    pull(controller) {
      if (sent || half.byteLength === 0) {
        const cause = Object.assign(new Error('other side closed'), { name: 'SocketError', code: 'UND_ERR_SOCKET' })
        controller.error(new TypeError('terminated', { cause }))
        return
      }
      sent = true
      controller.enqueue(half)
    },
  })
  return new Response(body, { status: answer.status, headers: answer.headers })
}

function failed(message: string, code: string, syscall: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code, syscall }) })
}
