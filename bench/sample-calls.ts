/**
 * The calls that are measured: events of a shop, 300 to 600 bytes as JSON, of 20,000 people. A few thousand are made
 * in advance and used again and again, so that making them costs nothing while time is taken.
 */
import type { Operation } from '../src/protocol/operation.ts'
import { createOperation } from '../src/protocol/operation.ts'
import { decodeCall } from '../src/protocol/decode.ts'
import type { Random } from '../src/runtime/runtime.ts'
import { systemRuntime } from '../src/runtime/system.ts'
import { seededRandom } from '../src/testing/seeded-random.ts'

export const PEOPLE = 20_000

export interface SampleCall {
  readonly customerId: string
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
}

const EVENTS = ['product_viewed', 'cart_updated', 'checkout_started', 'order_placed', 'order_shipped', 'invoice_paid']
const WORDS =
  'linen shirt oak desk walnut shelf brass lamp wool rug cotton sheet glass jar steel kettle paper lantern'.split(' ')
const CITIES = ['Wien', 'København', 'Zürich', 'São Paulo', 'Austin', 'Kraków', '東京', 'Nairobi']

/** The same for the same seed. */
export function sampleCalls(size: number, seed: number = 1): readonly SampleCall[] {
  const random = seededRandom(seed)
  return Array.from({ length: size }, () => sampleCall(random))
}

export function sampleCall(random: Random): SampleCall {
  const items = Array.from({ length: 2 + below(random, 3) }, () => ({
    sku: `SKU-${100_000 + below(random, 900_000)}`,
    title: `${pick(random, WORDS)} ${pick(random, WORDS)}`,
    quantity: 1 + below(random, 4),
    price: below(random, 20_000) / 100,
  }))
  return {
    customerId: `user_${below(random, PEOPLE)}`,
    name: pick(random, EVENTS),
    data: {
      order_id: `ord_${below(random, 1e9).toString(36)}`,
      currency: 'EUR',
      total: Number(items.reduce((sum, item) => sum + item.quantity * item.price, 0).toFixed(2)),
      coupon: random() < 0.3 ? 'WELCOME10' : null,
      city: pick(random, CITIES),
      returning: random() < 0.5,
      page: `https://shop.example.com/${pick(random, WORDS)}/${pick(random, WORDS)}`,
      items,
    },
  }
}

/** The operation that the client would make of it. */
export function operationOf(call: SampleCall): Operation {
  const decoded = decodeCall({ name: 'track', identifier: call.customerId }, { name: call.name, data: call.data })
  if (!decoded.ok) throw new Error('a call of the bench is not valid')
  return createOperation(decoded.call, { id: systemRuntime.newId(), acceptedAtMs: systemRuntime.clock.wallMs() })
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}

function pick(random: Random, list: readonly string[]): string {
  return list[below(random, list.length)]!
}
