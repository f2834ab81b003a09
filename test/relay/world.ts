/** A relay on virtual time, with memory outboxes, in front of the simulator. */
import type { ClientOptions } from '../../src/client/options.ts'
import { memoryOutbox, type OpenOutbox } from '../../src/index.ts'
import {
  createRelay,
  type Relay,
  type RelayEvent,
  type RelayOptions,
  type RequestArrival,
  type WorkspaceOptions,
} from '../../src/relay/index.ts'
import { createSimulator, type Simulator } from '../../src/simulator/index.ts'
import { createTestRuntime, type TestRuntime } from '../../src/testing/test-runtime.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { settled } from '../virtual-time.ts'

export interface World {
  readonly runtime: TestRuntime
  readonly simulator: Simulator
  readonly relay: Relay
  readonly events: RelayEvent[]
  /** Lets time go on until the promise has settled, and gives its value. */
  readonly soon: <T>(promise: Promise<T>) => Promise<T>
  /** Sends a request line, as `POST /api/v1/events`, and gives the answer. */
  readonly send: (line: string, options?: SendOptions) => Promise<Got>
}

export interface SendOptions extends Omit<RequestArrival, 'headers'> {
  readonly body?: unknown
  /** In place of a JSON body. */
  readonly raw?: string | Uint8Array | ReadableStream<Uint8Array>
  /** Null for none. @defaultValue the right ones of the workspace `shop` */
  readonly authorization?: string | null
  /** `null` takes a header away. */
  readonly headers?: Readonly<Record<string, string | null>>
  readonly signal?: AbortSignal
}

export interface Got {
  readonly status: number
  readonly body: unknown
  readonly text: string
  readonly headers: Headers
}

export function basic(siteId: string, apiKey: string): string {
  return `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString('base64')}`
}

export function requestOf(line: string, options: SendOptions = {}): Request {
  const [method = '', path = ''] = line.split(' ')
  const headers = new Headers({ 'content-type': 'application/json' })
  const authorization = options.authorization === undefined ? basic('site', 'key') : options.authorization
  if (authorization !== null) headers.set('authorization', authorization)
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value === null) headers.delete(name)
    else headers.set(name, value)
  }
  const body = options.raw ?? (options.body === undefined ? null : JSON.stringify(options.body))
  return new Request(`http://relay.test${path}`, {
    method,
    headers,
    body,
    signal: options.signal ?? null,
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  })
}

export function workspace(
  name: string = 'shop',
  client: Partial<ClientOptions> = {},
  outbox: OpenOutbox = memoryOutbox(),
): WorkspaceOptions {
  return { name, client: { siteId: 'site', apiKey: 'key', outbox, ...client } }
}

export interface WorldOptions extends Partial<RelayOptions> {
  /** Another world's, to go on in it. */
  readonly of?: Pick<World, 'runtime' | 'simulator'>
}

export function createWorld({ of, ...options }: WorldOptions = {}): World {
  const clock = of?.runtime.clock ?? new VirtualClock()
  const random = createTestRuntime({ clock }).random
  const simulator =
    of?.simulator ?? createSimulator({ clock, random, siteId: 'site', apiKey: 'key', latencyMs: 20, strict: true })
  const runtime = of?.runtime ?? createTestRuntime({ clock, fetch: simulator.fetch })
  const relay = createRelay({ workspaces: [workspace()], runtime, ...options })
  const events: RelayEvent[] = []
  relay.on((event) => events.push(event))
  const soon = <T>(promise: Promise<T>): Promise<T> => settled(promise, clock)
  const send = async (line: string, sent: SendOptions = {}): Promise<Got> => {
    const { connection, target } = sent
    const arrival = {
      ...(connection === undefined ? {} : { connection }),
      ...(target === undefined ? {} : { target }),
    }
    return gotOf(await soon(relay.fetch(requestOf(line, sent), arrival)))
  }
  return { runtime, simulator, relay, events, soon, send }
}

export async function gotOf(response: Response): Promise<Got> {
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: text === '' ? null : JSON.parse(text) }
}
