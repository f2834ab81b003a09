/** The client with its defaults, and an outbox in memory: what the pipeline cannot deliver now, the outbox keeps. */
import { memoryOutbox, ResilientCustomerIO } from '../../../../src/index.ts'
import { ulid } from '../../../../src/runtime/ulid.ts'
import type { Deliver, World } from '../arrangement.ts'

export function openProcess({ clock, random, server }: World): Deliver {
  const chance = (): Uint8Array => Uint8Array.from({ length: 10 }, () => Math.floor(random() * 256))
  const client = new ResilientCustomerIO({
    siteId: 'site',
    apiKey: 'key',
    outbox: memoryOutbox(),
    runtime: {
      clock,
      random,
      newId: () => ulid(clock.wallMs(), chance()),
      fetch: async () => new Response(null, { status: await server.request() }),
    },
  })
  return async (call) => {
    const receipt = await client.track(`person-${call}`, { name: 'order_placed' })
    const settled = await receipt.settled()
    if (settled.state !== 'delivered') throw new Error(`the call is ${settled.state}`)
  }
}
