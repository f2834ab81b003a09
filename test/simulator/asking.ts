/** Requests to a simulator in few words, for the tests of this folder. */
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

export const AUTHORIZATION: string = `Basic ${Buffer.from('site:key').toString('base64')}`

export const US = 'https://track.customer.io'

export interface RequestOptions {
  readonly body?: unknown
  /** In place of a JSON body. */
  readonly text?: string
  /** @defaultValue the right ones */
  readonly authorization?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** @defaultValue `US` */
  readonly root?: string
}

export function requestOf(line: string, options: RequestOptions = {}): Request {
  const [method = '', path = ''] = line.split(' ')
  const headers = new Headers({ 'content-type': 'application/json', ...options.headers })
  const authorization = options.authorization === undefined ? AUTHORIZATION : options.authorization
  if (authorization !== null) headers.set('authorization', authorization)
  const body = options.text ?? (options.body === undefined ? null : JSON.stringify(options.body))
  return new Request((options.root ?? US) + path, { method, headers, body, signal: options.signal ?? null })
}

export interface Asked {
  readonly status: number
  readonly text: string
  readonly type: string | null
  readonly headers: Headers
}

/** `ask('PUT /api/v1/customers/42', { body: { plan: 'pro' } })` */
export type Ask = (line: string, options?: RequestOptions) => Promise<Asked>

export function askerOf(fetch: (request: Request) => Promise<Response>): Ask {
  return async (line, options) => {
    const response = await fetch(requestOf(line, options))
    return {
      status: response.status,
      text: await response.text(),
      type: response.headers.get('content-type'),
      headers: response.headers,
    }
  }
}

export interface SetUp {
  readonly simulator: Simulator
  readonly clock: VirtualClock
  readonly ask: Ask
}

/** A simulator on virtual time that lets `site:key` in. */
export function setUp(options: SimulatorOptions & { readonly seed?: number } = {}): SetUp {
  const { seed = 1, ...rest } = options
  const clock = new VirtualClock()
  const simulator = createSimulator({ clock, random: seededRandom(seed), siteId: 'site', apiKey: 'key', ...rest })
  return { simulator, clock, ask: askerOf(simulator.fetch) }
}
