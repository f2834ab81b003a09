/** A relay on a socket for one workspace, which can be told to lose its answers. */
import { listen } from '../../src/http/listen.ts'
import { memoryOutbox } from '../../src/index.ts'
import { createRelay, type Relay } from '../../src/relay/index.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { createSimulator, type Simulator } from '../../src/simulator/index.ts'

export interface SmallRelay extends AsyncDisposable {
  readonly url: string
  readonly client: NonNullable<ReturnType<Relay['workspaces']['get']>>
  readonly simulator: Simulator
}

/** @param stored told after a request was stored and before it is answered; false loses the answer */
export async function smallRelay(stored: () => boolean): Promise<SmallRelay> {
  const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
  const client = { siteId: 'site', apiKey: 'key', rateLimit: { perSecond: 10_000 }, outbox: memoryOutbox() }
  const runtime = { ...systemRuntime, fetch: simulator.fetch }
  const relay = createRelay({ workspaces: [{ name: 'shop', client }], runtime })
  const listening = await listen(
    async (request, arrival) => {
      const answered = await relay.fetch(request, arrival)
      // A body that fails breaks the connection.
      return stored() ? answered : new Response(new ReadableStream({ start: (body) => body.error('lost') }))
    },
    { port: 0 },
  )
  return {
    url: listening.url,
    client: relay.workspaces.get('shop')!,
    simulator,
    async [Symbol.asyncDispose]() {
      await listening.close({ timeoutMs: 0 })
      await relay.close()
    },
  }
}
