/** Sockets and servers for the tests of the listener. */
import { connect } from 'node:net'

import { answer } from '../../src/http/answer.ts'
import { type Handler, listen, type Listening, type ListenOptions, type Refused } from '../../src/http/listen.ts'

export const JSON_TYPE = { 'content-type': 'application/json' } as const

/** Everything a connection gives back for some bytes until the server ends it; `<CODE>` where it broke. */
export function raw(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let seen = ''
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    })
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      seen += chunk
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      seen += `<${error.code}>`
    })
    socket.on('close', () => resolve(seen))
  })
}

/** The statuses and bodies of the answers in a text. */
export function answersIn(text: string): { readonly status: number; readonly head: string; readonly body: string }[] {
  const answers = []
  let rest = text
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    const head = rest.slice(0, end).toLowerCase()
    const status = Number(/^http\/1\.1 (\d{3})/.exec(head)?.[1])
    const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0)
    answers.push({ status, head, body: rest.slice(end + 4, end + 4 + length) })
    rest = rest.slice(end + 4 + length)
  }
  return answers
}

/** Echoes bodies and writes down what it saw. */
export async function echo(
  options: Omit<ListenOptions, 'port'> = {},
): Promise<Listening & { readonly targets: string[]; readonly refused: Refused[]; readonly failed: unknown[] }> {
  const targets: string[] = []
  const refused: Refused[] = []
  const failed: unknown[] = []
  const listening = await listen(
    async (request, { target }) => {
      targets.push(target)
      const body = await request.text()
      return answer(200, JSON_TYPE, body === '' ? '{}' : body)
    },
    { port: 0, refused: (what) => refused.push(what), failed: (error) => failed.push(error), ...options },
  )
  return withMore(listening, { targets, refused, failed })
}

function withMore<More extends object>(listening: Listening, more: More): Listening & More {
  return Object.create(listening, Object.getOwnPropertyDescriptors(more)) as Listening & More
}

export function listenOn(handler: Handler, options: Omit<ListenOptions, 'port'> = {}): Promise<Listening> {
  return listen(handler, { port: 0, ...options })
}

export const GET = 'GET /a HTTP/1.1\r\nhost: x\r\n\r\n'
export const LAST_GET = 'GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
