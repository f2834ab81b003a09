/** An outbox that another process keeps, over HTTP: the memory outbox, and a network in between that can fail. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { OutboxError, OutboxFullError } from '../../src/errors.ts'
import type { OpenOutbox, Outbox } from '../../src/outbox/outbox.ts'

/** `refused`: the request is not read. `lost`: it is done, and the answer does not come. */
export type Fate = 'well' | 'refused' | 'lost'

export interface Keeper {
  readonly url: string
  /** Asked for each call. */
  fate: (call: string) => Fate
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

interface Call {
  readonly name: 'append' | 'claim' | 'stats'
  readonly args: readonly unknown[]
}

export async function keep(outbox: Outbox): Promise<Keeper> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { name, args } = JSON.parse(Buffer.concat(chunks).toString()) as Call
      const fate = keeper.fate(name)
      if (fate === 'refused') {
        request.socket.destroy()
        return
      }
      const method = outbox[name].bind(outbox) as (...args: readonly unknown[]) => Promise<unknown>
      method(...args).then(
        (answer) => (fate === 'lost' ? request.socket.destroy() : response.end(JSON.stringify({ answer }))),
        (error: unknown) => response.end(JSON.stringify({ isFull: error instanceof OutboxFullError })),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const keeper: Keeper = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fate: () => 'well',
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return keeper
}

/** The handle of another process on it, as far as a producer needs one. */
export function keptOutbox(url: string): OpenOutbox {
  const call = async (name: Call['name'], ...args: readonly unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ name, args })
    const answer = await fetch(url, { method: 'POST', body })
      .then((response) => response.json() as Promise<{ answer?: unknown; isFull?: boolean }>)
      .catch((cause: unknown) => {
        throw new OutboxError('OUTBOX_UNAVAILABLE', 'no answer', { mayBeStored: true, cause })
      })
    if (answer.isFull === true) throw new OutboxFullError({ bound: 'operations', limit: 0, used: 0, retryAfterMs: 1 })
    return answer.answer
  }
  return async ({ notice }) => {
    await call('stats')
    notice({ type: 'role', role: 'active' })
    const outbox: Pick<Outbox, 'append' | 'claim' | 'stats' | 'close'> = {
      append: (entries) => call('append', entries) as ReturnType<Outbox['append']>,
      claim: (want) => call('claim', want) as ReturnType<Outbox['claim']>,
      stats: () => call('stats') as ReturnType<Outbox['stats']>,
      close: () => Promise.resolve(),
    }
    return outbox as Outbox
  }
}
