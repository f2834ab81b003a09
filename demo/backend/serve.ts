/**
 * The life of a backend process: it is told where Customer.io is, makes the calls that the shop's customers cause, each
 * the moment it is asked for, and says what its caller got. Both backends are this program; they differ in the client.
 */
import type { Left } from '../account/promises.ts'
import type { Line, Method } from '../calls/line.ts'
import { readShopDay } from '../calls/read.ts'
import type { FromBackend, Start, ToBackend } from './messages.ts'

/** The methods of the data file. Each client has them with its own parameters after the common ones. */
export type Methods = { readonly [M in Method]: (...args: never[]) => Promise<unknown> }

export interface Sender {
  /** Makes the call of a line. Resolves to the id of the receipt, where there is one; rejects as the client does. */
  readonly make: (line: Line, n: number) => Promise<string | null>
  /** Resolves when nothing is left to send, or after `timeoutMs`. */
  readonly finish: (timeoutMs: number) => Promise<Left>
}

export function tell(message: FromBackend): void {
  process.send?.(message)
}

export function serve(open: (start: Start) => Promise<Sender>): void {
  const lines = readShopDay()
  let sender: Sender | undefined

  async function make(n: number): Promise<void> {
    const line = lines[n]
    if (sender === undefined || line === undefined) throw new Error(`cannot make call ${n}`)
    try {
      tell({ type: 'answered', n, id: await sender.make(line, n) })
    } catch (error) {
      tell({ type: 'failed', n, reason: error instanceof Error ? error.name : 'unknown' })
    }
  }

  process.on('message', (message: ToBackend) => {
    switch (message.type) {
      case 'start':
        void open(message).then((opened) => {
          sender = opened
          tell({ type: 'ready' })
        })
        return
      case 'make':
        for (const n of message.calls) void make(n)
        return
      case 'finish':
        void sender?.finish(message.timeoutMs).then((left) => {
          tell({ type: 'finished', ...left })
          process.disconnect()
        })
        return
    }
  })
  // Ctrl-C goes to every process of the terminal; when this one ends is for its parent to say.
  process.on('SIGINT', () => {})
  // Whoever started this process is gone, and nobody else will end it.
  process.on('disconnect', () => process.exit())
}

/** Calls a method of a client by name, as a program that was written by hand would. */
export function callMethod<T>(client: object, line: Line, ...options: readonly unknown[]): Promise<T> {
  const methods = client as Methods
  return Reflect.apply(methods[line.method], client, [...line.args, ...options]) as Promise<T>
}
