/**
 * `ResilientCustomerIO`: the methods of the official `TrackClient`, each resolving to a receipt once the call is
 * stored. The one file that joins the client with its default outbox.
 */
import { Client } from './client/client.ts'
import { type ClientOptions, resolveOptions } from './client/options.ts'
import { isTrackClient, takeSettings, type TrackClientLike } from './client/track-client.ts'
import { OptionsError, RequestError } from './errors.ts'
import { defaultOutboxPath, sqliteOutbox } from './outbox/sqlite.ts'
import { encodeRegion } from './protocol/encode.ts'
import { systemRuntimeWith } from './runtime/system.ts'

/** Where the account lives, as Customer.io says. */
export interface AccountRegion {
  readonly url: string
  readonly region: string
  readonly environment_id: number
}

/**
 * Stores each Customer.io call durably, then delivers it once in effect and in order per person, whatever fails.
 *
 * Every method resolves when the call is on disk, not when Customer.io has it. It rejects with a `ValidationError` when
 * the call cannot be sent as it is, and with an `OutboxFullError`, `OutboxError` or `ClosedError` when it cannot be
 * stored; then nothing of it is stored. A rejection that nobody awaits does not end the process: listen with `on`.
 *
 * With `mode: 'direct'` a method tries its call at once and resolves when Customer.io has it (`state: 'delivered'`), or
 * when it is on disk because it could not be delivered now (`'stored'`). It then also rejects with a `RequestError` when
 * Customer.io refuses the call itself, and with `fallbackEnabled: false` where it would be stored.
 *
 * @example
 * ```ts
 * const cio = new ResilientCustomerIO({ siteId, apiKey, region: 'eu' })
 * await cio.identify('42', { email: 'ada@example.com' })
 * await cio.track('42', { name: 'signed_up', data: { plan: 'pro' } })
 * process.once('SIGTERM', () => cio.close())
 * ```
 */
export class ResilientCustomerIO extends Client {
  /** @param options credentials, region and everything else; or an official `TrackClient`, whose settings are taken. */
  constructor(options: ClientOptions)
  constructor(trackClient: TrackClientLike, options?: ClientOptions)
  constructor(first: ClientOptions | TrackClientLike, second: ClientOptions = {}) {
    const options = optionsOf(first, second)
    const settings = resolveOptions(options)
    super(settings, options.outbox ?? sqliteOutbox({ path: defaultOutboxPath(settings.target.siteId) }))
  }

  /**
   * Asks Customer.io at once where the account lives. The only method that waits for the network.
   * @param options.timeoutMs @defaultValue 10000
   * Rejects with a `RequestError` when there is no good answer.
   */
  async getAccountRegion(options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<AccountRegion> {
    let answer: { status: number; body: string }
    try {
      answer = await this.sender.ask(encodeRegion(), options.timeoutMs ?? 10_000, options.signal)
    } catch (cause) {
      throw new RequestError('Customer.io did not answer the question for the region', { cause })
    }
    if (answer.status !== 200) {
      throw new RequestError(`Customer.io answered the question for the region with status ${answer.status}`, {
        status: answer.status,
      })
    }
    try {
      return JSON.parse(answer.body) as AccountRegion
    } catch (cause) {
      throw new RequestError('Customer.io answered the question for the region with no JSON', { status: 200, cause })
    }
  }
}

function optionsOf(first: ClientOptions | TrackClientLike, second: ClientOptions): ClientOptions {
  if (typeof first !== 'object' || first === null) throw new OptionsError('options', 'must be an object')
  if (!isTrackClient(first)) return withRuntime(first, undefined)
  const { siteId, apiKey, baseUrl, timeoutMs, headers, dispatcher } = takeSettings(first)
  return withRuntime(
    {
      siteId,
      apiKey,
      ...(second.region === undefined ? { baseUrl } : {}),
      ...(headers === undefined ? {} : { headers }),
      ...second,
      timeouts: { ...(timeoutMs === undefined ? {} : { callMs: timeoutMs }), ...second.timeouts },
    },
    dispatcher,
  )
}

function withRuntime(options: ClientOptions, dispatcher: object | undefined): ClientOptions {
  return options.runtime !== undefined || dispatcher === undefined
    ? options
    : { ...options, runtime: systemRuntimeWith(dispatcher) }
}
