/** A customer as the shop's own database knows them, and what the shop tells Customer.io about them. */
import { CITIES, FIRST_NAMES, LAST_NAMES, type Plan, PLANS } from './catalogue.ts'
import { type Chance, type Diary, OPENING } from './diary.ts'

export interface Customer {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly city: readonly [city: string, country: string, timezone: string]
  readonly createdAt: number
  plan: Plan
  orders: number
  /** In cents. */
  spent: number
  sessions: number
}

export function newCustomer(id: string, chance: Chance, createdAt: number): Customer {
  const first = chance.pick(FIRST_NAMES)
  const last = chance.pick(LAST_NAMES)
  const local = `${first}.${last}.${id.replaceAll(/\D/g, '')}`
  return {
    id,
    name: `${first} ${last}`,
    email: `${local.normalize('NFD').replaceAll(/[^a-zA-Z0-9.]/g, '')}@example.com`.toLowerCase(),
    city: chance.pick(CITIES),
    createdAt,
    plan: 'free',
    orders: 0,
    spent: 0,
    sessions: 0,
  }
}

/** Somebody who has been with the shop for a while. */
export function knownCustomer(id: string, chance: Chance): Customer {
  const customer = newCustomer(id, chance, OPENING - chance.whole(3, 900) * 86_400)
  customer.plan = chance.pick(['free', 'taster', 'taster', 'regular', 'regular', 'regular', 'office'] as const)
  customer.orders = chance.whole(1, 24)
  customer.spent = customer.orders * chance.whole(1_400, 5_200)
  customer.sessions = chance.whole(3, 160)
  return customer
}

/** All that is known, as it is told at sign-up and log-in. */
export function profileOf(customer: Customer): Readonly<Record<string, unknown>> {
  const [city, country, timezone] = customer.city
  return {
    email: customer.email,
    name: customer.name,
    created_at: customer.createdAt,
    city,
    country,
    timezone,
    ...numbersOf(customer),
  }
}

/** What changes. */
export function numbersOf(customer: Customer): Readonly<Record<string, unknown>> {
  return {
    plan: customer.plan,
    plan_price: PLANS[customer.plan] / 100,
    orders: customer.orders,
    total_spent: customer.spent / 100,
    sessions: customer.sessions,
  }
}

export function changePlan(diary: Diary, customer: Customer, plan: Plan, reason: string): void {
  if (plan === customer.plan) return
  diary.call('track', customer.id, {
    name: plan === 'free' ? 'subscription_cancelled' : 'plan_changed',
    data: { from: customer.plan, to: plan, price: PLANS[plan] / 100, reason },
  })
  customer.plan = plan
  diary.call('identify', customer.id, { ...numbersOf(customer), plan_changed_at: diary.now })
}
