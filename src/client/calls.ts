/**
 * The calls: the methods of the official `TrackClient`, each handed on as something to be stored. Where it is stored, the
 * client (`client.ts`) and the caller's transaction (`within.ts`) know.
 */
import { decodeCall, type Decoded, decodeItem } from '../protocol/decode.ts'
import type { CallOptions } from './intake.ts'
import type { BatchReceipt, Receipt } from './receipt.ts'

/** A person's or thing's id, as the official client takes it. */
export type Id = string | number

/** A call's own data. Anything that JSON can carry. */
export type Data = Readonly<Record<string, unknown>>

export type IdentifierType = 'id' | 'email' | 'cio_id'

/** Every call that can be stored for Customer.io. */
export abstract class CustomerIOCalls {
  /** Stores one call. */
  protected abstract accept(decoded: Decoded, options?: CallOptions): Promise<Receipt>

  /** Stores several calls as one: all or none. @param prefix how the fields of one of them are called in a problem. */
  protected abstract acceptAll(
    decoded: readonly Decoded[],
    options: CallOptions | undefined,
    prefix: (index: number) => string,
  ): Promise<BatchReceipt>

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
