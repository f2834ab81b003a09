/** A visit to the shop: looking around, filling a cart, ordering; and what follows an order. */
import { ARTICLES, type Product, PRODUCTS, SEARCHES } from './catalogue.ts'
import { type Customer, numbersOf } from './customer.ts'
import type { Diary } from './diary.ts'

/** How a visitor's doings are reported: under a customer's id, or under the id of their browser. */
export interface Reporter {
  readonly page: (path: string) => void
  readonly event: (name: string, data: Readonly<Record<string, unknown>>) => void
}

export function customerReporter(diary: Diary, id: string): Reporter {
  return {
    page: (path) => diary.call('trackPageView', id, path),
    event: (name, data) => diary.call('track', id, { name, data }),
  }
}

export function visitorReporter(diary: Diary, anonymousId: string): Reporter {
  return {
    page: (path) => diary.call('trackAnonymous', anonymousId, { name: 'page_viewed', data: { path } }),
    event: (name, data) => diary.call('trackAnonymous', anonymousId, { name, data }),
  }
}

/** Returns what was looked at. */
export function browse(diary: Diary, report: Reporter, session: string, steps: number): readonly Product[] {
  const { chance } = diary
  const seen = new Set<Product>()
  for (let step = 0; step < steps; step++) {
    diary.wait(8, 90)
    const kind = chance.whole(1, 10)
    if (kind <= 3) report.page(`/journal/${chance.pick(ARTICLES)}`)
    else if (kind === 4)
      report.event('searched', { query: chance.pick(SEARCHES), results: chance.whole(0, 19), session })
    else {
      const product = chance.pick(PRODUCTS)
      report.page(`/shop/${product.category}/${product.slug}`)
      report.event('product_viewed', {
        sku: product.sku,
        name: product.name,
        category: product.category,
        price: product.price / 100,
        session,
      })
      seen.add(product)
    }
  }
  return [...seen]
}

/** Puts some of what was seen into the cart; half of the carts are left behind. Returns the order, if there is one. */
export function shop(diary: Diary, customer: Customer, seen: readonly Product[], session: string): string | undefined {
  const { chance } = diary
  const cart: { sku: string; quantity: number; price: number }[] = []
  for (const product of seen.slice(0, chance.whole(1, 4))) {
    diary.wait(5, 40)
    const quantity = product.category === 'coffee' ? chance.whole(1, 3) : 1
    cart.push({ sku: product.sku, quantity, price: product.price / 100 })
    diary.call('track', customer.id, {
      name: 'product_added_to_cart',
      data: { sku: product.sku, quantity, price: product.price / 100, cart_size: cart.length, session },
    })
  }
  if (cart.length === 0 || !chance.is(0.55)) return undefined
  diary.wait(20, 120)
  const total = cart.reduce((sum, item) => sum + Math.round(item.price * 100) * item.quantity, 0)
  const shipping = total >= 5_000 ? 0 : 490
  diary.call('track', customer.id, {
    name: 'checkout_started',
    data: { total: total / 100, items: cart.length, session },
  })
  diary.wait(30, 240)
  if (!chance.is(0.85)) return undefined
  return placeOrder(diary, customer, cart, total + shipping, session)
}

function placeOrder(
  diary: Diary,
  customer: Customer,
  items: readonly object[],
  total: number,
  session: string,
): string {
  const { chance } = diary
  const order = `K-${chance.hex(6).toUpperCase()}`
  diary.call('track', customer.id, {
    name: 'order_placed',
    data: {
      order,
      total: total / 100,
      currency: 'EUR',
      items,
      coupon: chance.is(0.2) ? chance.pick(['SPRING10', 'FRIEND5', 'BEANS']) : null,
      session,
    },
  })
  customer.orders++
  customer.spent += total
  diary.call('identify', customer.id, { ...numbersOf(customer), last_order_at: diary.now, last_order: order })
  diary.wait(5, 60)
  diary.call('track', customer.id, {
    name: 'order_paid',
    data: { order, total: total / 100, method: chance.pick(['card', 'card', 'sepa', 'paypal']) },
  })
  return order
}

/** Packed, sent; now and then sent back. */
export function fulfil(diary: Diary, customer: Customer, order: string): void {
  const { chance } = diary
  diary.wait(1_800, 7_200)
  diary.call('track', customer.id, {
    name: 'order_shipped',
    data: { order, carrier: chance.pick(['post', 'dpd', 'bike']), tracking: chance.hex(12).toUpperCase() },
  })
  if (!chance.is(0.12)) return
  diary.wait(1_200, 9_000)
  const amount = chance.whole(900, 6_000)
  diary.call('track', customer.id, {
    name: 'order_refunded',
    data: { order, amount: amount / 100, reason: chance.pick(['damaged', 'wrong grind', 'late', 'changed mind']) },
  })
  customer.spent = Math.max(0, customer.spent - amount)
  diary.call('identify', customer.id, { ...numbersOf(customer), last_refund_at: diary.now })
}
