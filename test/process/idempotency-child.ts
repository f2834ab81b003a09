/** A process of an application that does one thing once, says what happens, and ends by itself. Started with its input as JSON. */
import { writeSync } from 'node:fs'

import { executeIdempotent, type IdempotencyStore, ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'

type ChildInput =
  /** Executes an operation that never ends, or one that does. */
  | {
      readonly what: 'hang' | 'execute'
      readonly path: string
      readonly baseUrl: string
      readonly key: string
      readonly leaseMs: number
    }
  /** Makes a call with the key. */
  | { readonly what: 'track'; readonly path: string; readonly baseUrl: string; readonly key: string }
  /** Waits for an execution elsewhere; nothing else happens in the process. */
  | { readonly what: 'wait' }

const say = (line: string): void => void writeSync(1, `${line}\n`)
const input = JSON.parse(process.argv[2] ?? '') as ChildInput

if (input.what === 'wait') {
  let questions = 0
  const store: IdempotencyStore = {
    begin: async () => (++questions < 4 ? { state: 'running', leftMs: 10_000 } : { state: 'done', value: '[7]' }),
    renew: async () => 'lapsed',
    complete: async ({ value }) => ({ value }),
    abandon: async () => {},
  }
  say(`result ${await executeIdempotent('k', () => 0, { store })} after ${questions} questions`)
} else {
  const { what, path, baseUrl, key } = input
  const outbox = sqliteOutbox({ path, reserveBytes: 4_096 })
  const cio = new ResilientCustomerIO({ siteId: 'site', apiKey: 'key', baseUrl, outbox })
  if (what === 'track') {
    const receipt = await cio.track('1', 'x', {}, { idempotencyKey: key })
    say(`receipt ${receipt.state} ${receipt.id}`)
  } else {
    const operation = (): { by: number } | Promise<never> => {
      say('executing')
      if (what === 'execute') return { by: process.pid }
      // An operation that waits for something holds its process open by that.
      process.stdin.resume()
      return new Promise(() => {})
    }
    const { by } = await executeIdempotent(key, operation, { store: cio.idempotency, leaseMs: input.leaseMs })
    say(`result ${by}`)
  }
  await cio.close()
}
