/** A relay on a socket, with a simulated Customer.io behind it on another, for the official SDKs to talk to. */
import { generate } from 'selfsigned'

import { memoryOutbox } from '../../src/index.ts'
import { createRelay, listen, type Listening, type Relay } from '../../src/relay/index.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/index.ts'
import type { Use } from '../using.ts'

export interface RelayStage {
  readonly simulator: Simulator
  readonly simulatorUrl: string
  readonly relay: Relay
  readonly listening: Listening
  /** Waits until everything that the relay accepted has been delivered or given up. */
  delivered(): Promise<void>
}

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export async function certificate(): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  return { cert, key }
}

export async function relayStage(
  use: Use,
  options: { readonly simulator?: SimulatorOptions; readonly tls?: Certificate } = {},
): Promise<RelayStage> {
  const simulator = createSimulator({ siteId: 'site', apiKey: 'key', ...options.simulator })
  const upstream = use(await simulator.listen())
  const relay = createRelay({
    workspaces: [
      {
        name: 'shop',
        client: {
          siteId: 'site',
          apiKey: 'key',
          baseUrl: upstream.url,
          outbox: memoryOutbox(),
          rateLimit: { perSecond: 10_000 },
        },
      },
    ],
  })
  const listening = use(
    await listen((request, arrival) => relay.fetch(request, arrival), {
      port: 0,
      ...(options.tls === undefined ? {} : { host: 'localhost', tls: options.tls }),
    }),
  )
  use({ [Symbol.asyncDispose]: async () => void (await relay.close({ timeoutMs: 0 })) })
  return {
    simulator,
    simulatorUrl: upstream.url,
    relay,
    listening,
    delivered: async () => void (await relay.workspaces.get('shop')!.drain()),
  }
}
