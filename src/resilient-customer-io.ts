/**
 * `ResilientCustomerIO`: the methods of the official `TrackClient`, each resolving to a receipt once the call is
 * stored. The one file that joins the client with its default outbox.
 */
import { Client } from './client/client.ts'
import type { CallOptions } from './client/intake.ts'
import { type ClientOptions, resolveOptions } from './client/options.ts'
import type { BatchReceipt, Receipt } from './client/receipt.ts'
import { isTrackClient, takeSettings, type TrackClientLike } from './client/track-client.ts'
import { OptionsError, RequestError } from './errors.ts'
import { defaultOutboxPath, sqliteOutbox } from './outbox/sqlite.ts'
import { decodeCall, type Decoded, decodeItem } from './protocol/decode.ts'
import { encodeRegion } from './protocol/encode.ts'
import { systemRuntimeWith } from './runtime/system.ts'

/** A person's or thing's id, as the official client takes it. */
export type Id = string | number

/** A call's own data. Anything that JSON can carry. */
export type Data = Readonly<Record<string, unknown>>

export type IdentifierType = 'id' | 'email' | 'cio_id'

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
   * Creates or updates a person. Carries the time of this call, so that a late delivery does not undo a newer one.
   * @param customerId id, e-mail address or `cio_` id.
   */
  identify(customerId: Id, data: Data = {}, options?: CallOptions): Promise<Receipt> {
    return this.accept(decodeCall({ name: 'identify', identifier: text(customerId) }, data), options)
  }

  /**
   * Records an event of a person. An event without `timestamp` gets the time of this call, one without `id` a ULID
   * under which Customer.io ignores repeats.
   * @example `await cio.track('42', 'order_placed', { total: 12 })`
   */
  track(customerId: Id, data: Data, options?: CallOptions): Promise<Receipt>
  track(customerId: Id, name: string, data?: Data, options?: CallOptions): Promise<Receipt>
  track(customerId: Id, second: Data | string, third: Data | CallOptions = {}, fourth?: CallOptions): Promise<Receipt> {
    const isNamed = typeof second === 'string'
    const body = isNamed ? { name: second, data: third } : second
    return this.accept(decodeCall({ name: 'track', identifier: text(customerId) }, body), isNamed ? fourth : third)
  }

  /** Records an event of somebody who is not identified yet. An empty id makes it an invite event, which needs `data.recipient`. */
  trackAnonymous(anonymousId: Id, data: Data, options?: CallOptions): Promise<Receipt> {
    const id = text(anonymousId)
    return this.accept(decodeCall({ name: 'track_anonymous' }, id ? { ...data, anonymous_id: id } : data), options)
  }

  /** Records a page view of a person. @param path the page's URL or path. */
  trackPageView(customerId: Id, path: string, options?: CallOptions): Promise<Receipt> {
    return this.accept(
      decodeCall({ name: 'track', identifier: text(customerId) }, { type: 'page', name: path }),
      options,
    )
  }

  /** Reports that a push was delivered, opened or converted. */
  trackPush(data: Data, options?: CallOptions): Promise<Receipt> {
    return this.accept(decodeCall({ name: 'push' }, data), options)
  }

  /** Adds or updates a device. @param data `last_used` (unix seconds); everything else is an attribute of the device. */
  addDevice(
    customerId: Id,
    deviceId: string,
    platform: string,
    data: Data = {},
    options?: CallOptions,
  ): Promise<Receipt> {
    const { last_used: lastUsed, ...attributes } = data
    const device = {
      id: deviceId,
      platform,
      ...(lastUsed === undefined || lastUsed === null ? {} : { last_used: lastUsed }),
      ...(Object.keys(attributes).length > 0 ? { attributes } : {}),
    }
    return this.accept(decodeCall({ name: 'add_device', identifier: text(customerId) }, { device }), options)
  }

  /** Removes a device. */
  deleteDevice(customerId: Id, deviceToken: Id, options?: CallOptions): Promise<Receipt> {
    const route = { name: 'delete_device', identifier: text(customerId), token: text(deviceToken) } as const
    return this.accept(decodeCall(route, undefined), options)
  }

  /** Merges the second person into the first and deletes the second. Waits for everything stored before for either. */
  mergeCustomers(
    primaryIdType: IdentifierType,
    primaryId: Id,
    secondaryIdType: IdentifierType,
    secondaryId: Id,
    options?: CallOptions,
  ): Promise<Receipt> {
    const body = {
      primary: { [primaryIdType]: text(primaryId) },
      secondary: { [secondaryIdType]: text(secondaryId) },
    }
    return this.accept(decodeCall({ name: 'merge' }, body), options)
  }

  /** Deletes a person and ignores everything about them until `unsuppress`. */
  suppress(customerId: Id, options?: CallOptions): Promise<Receipt> {
    return this.accept(decodeCall({ name: 'suppress', identifier: text(customerId) }, undefined), options)
  }

  unsuppress(customerId: Id, options?: CallOptions): Promise<Receipt> {
    return this.accept(decodeCall({ name: 'unsuppress', identifier: text(customerId) }, undefined), options)
  }

  /** Deletes a person. A later call for the same id creates them again. */
  destroy(customerId: Id, options?: CallOptions): Promise<Receipt> {
    return this.accept(decodeCall({ name: 'delete', identifier: text(customerId) }, undefined), options)
  }

  /** Stores several v2 operations, all or none. The receipt holds one for each. */
  batch(operations: readonly Data[], options?: CallOptions): Promise<BatchReceipt> {
    const isList = Array.isArray(operations) && operations.length > 0
    if (!isList) return this.acceptAll([required('operations')], options, () => '')
    return this.acceptAll(operations.map(decodeItem), options, (index) => `operations[${index}].`)
  }

  /** Stores one v2 operation. */
  entity(operation: Data, options?: CallOptions): Promise<Receipt> {
    return this.accept(decodeItem(operation), options)
  }

  /** Adds people to a manual segment, after everything stored before for each of them. */
  addCustomersToSegment(
    segmentId: Id,
    customerIds: readonly Id[],
    idType?: IdentifierType,
    options?: CallOptions,
  ): Promise<Receipt> {
    return this.#segment('add', segmentId, customerIds, idType, options)
  }

  removeCustomersFromSegment(
    segmentId: Id,
    customerIds: readonly Id[],
    idType?: IdentifierType,
    options?: CallOptions,
  ): Promise<Receipt> {
    return this.#segment('remove', segmentId, customerIds, idType, options)
  }

  /** Submits a form. @param data the fields, with exactly one of `id` and `email`. */
  submitForm(formId: Id, data: Data, options?: CallOptions): Promise<Receipt> {
    return this.accept(decodeCall({ name: 'form', formId: text(formId) }, { data }), options)
  }

  /** Reports a metric of a delivery in any channel. */
  reportMetric(data: Data, options?: CallOptions): Promise<Receipt> {
    return this.accept(decodeCall({ name: 'metric' }, data), options)
  }

  /** Unsubscribes, or subscribes again, the person behind a delivery. */
  unsubscribe(deliveryId: Id, unsubscribe: boolean = true, options?: CallOptions): Promise<Receipt> {
    return this.accept(decodeCall({ name: 'unsubscribe', deliveryId: text(deliveryId) }, { unsubscribe }), options)
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

  #segment(
    action: 'add' | 'remove',
    segmentId: Id,
    customerIds: readonly Id[],
    idType: IdentifierType | undefined,
    options: CallOptions | undefined,
  ): Promise<Receipt> {
    const route = {
      name: 'segment',
      action,
      segmentId: text(segmentId),
      ...(idType === undefined ? {} : { idType }),
    } as const
    const ids = Array.isArray(customerIds) ? customerIds.map(text) : customerIds
    return this.accept(decodeCall(route, { ids }), options)
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

/** Ids are numbers or texts; anything else is left for the decoder to refuse by name. */
function text(id: Id): string {
  return typeof id === 'number' && Number.isFinite(id) ? String(id) : (id as string)
}

function required(field: string): Decoded {
  return {
    ok: false,
    problems: [{ field, reason: 'required', message: 'must be a list that is not empty', kind: 'nothing' }],
  }
}
