/** The days of the shop's people, one function for each kind of person. */
import { LANDINGS, type Plan, PLANS } from './catalogue.ts'
import { changePlan, type Customer, newCustomer, numbersOf, profileOf } from './customer.ts'
import { DAY_MS, type Diary } from './diary.ts'
import { browse, customerReporter, fulfil, shop, visitorReporter } from './visit.ts'

/** Logs in, looks around, perhaps orders, perhaps changes their subscription. Some come back in the evening. */
export function memberDay(diary: Diary, customer: Customer): void {
  const { chance } = diary
  bill(diary, customer)
  diary.goTo(chance.arrivalMs())
  const visits = chance.is(0.3) ? 2 : 1
  for (let visit = 0; visit < visits && !diary.closed; visit++) {
    logIn(diary, customer)
    const session = `s-${chance.hex(8)}`
    const report = customerReporter(diary, customer.id)
    const seen = browse(diary, report, session, chance.whole(2, 7))
    const order = shop(diary, customer, seen, session)
    if (order !== undefined && chance.is(0.7)) fulfil(diary, customer, order)
    diary.wait(5_400, 14_400)
  }
  if (chance.is(0.12)) moveUpOrDown(diary, customer)
  if (chance.is(0.08)) askForHelp(diary, customer)
}

/** Comes as a visitor, signs up, and becomes a customer with a past: the events before the sign-up are theirs. */
export function newcomerDay(diary: Diary, id: string): Customer {
  const { chance } = diary
  const anonymousId = `a-${chance.hex(12)}`
  land(diary, anonymousId)
  browse(diary, visitorReporter(diary, anonymousId), `s-${chance.hex(8)}`, chance.whole(1, 4))
  diary.wait(30, 180)
  const customer = newCustomer(id, chance, diary.now)
  customer.sessions = 1
  diary.call('identify', id, { ...profileOf(customer), anonymous_id: anonymousId })
  diary.call('track', id, {
    name: 'signed_up',
    data: { method: chance.pick(['email', 'google', 'apple']), at: diary.now },
  })
  if (chance.is(0.4)) install(diary, customer)
  const session = `s-${chance.hex(8)}`
  const seen = browse(diary, customerReporter(diary, id), session, chance.whole(1, 5))
  if (chance.is(0.5)) tryOut(diary, customer)
  const order = shop(diary, customer, seen, session)
  if (order !== undefined) fulfil(diary, customer, order)
  return customer
}

/** Looks, and leaves without a name. */
export function passerByDay(diary: Diary): void {
  const anonymousId = `a-${diary.chance.hex(12)}`
  land(diary, anonymousId)
  browse(diary, visitorReporter(diary, anonymousId), `s-${diary.chance.hex(8)}`, diary.chance.whole(1, 4))
}

/** Orders as a guest, later logs in with the account they have: the guest is merged into it. */
export function guestDay(diary: Diary, guestId: string, account: Customer): void {
  const { chance } = diary
  const guest = newCustomer(guestId, chance, diary.now)
  const session = `s-${chance.hex(8)}`
  diary.call('identify', guestId, { ...numbersOf(guest), name: guest.name, guest: true, created_at: diary.now })
  const seen = browse(diary, customerReporter(diary, guestId), session, chance.whole(3, 6))
  const order = shop(diary, guest, seen, session)
  if (order !== undefined && chance.is(0.5)) fulfil(diary, guest, order)
  diary.wait(900, 5_400)
  logIn(diary, account)
  diary.call('mergeCustomers', 'id', account.id, 'id', guestId)
  account.orders += guest.orders
  account.spent += guest.spent
  diary.call('identify', account.id, { ...numbersOf(account), merged_guest: guestId })
}

/** Reads the newsletter and is known by their address alone. */
export function readerDay(diary: Diary, email: string): void {
  const { chance } = diary
  diary.call('identify', email, {
    newsletter: true,
    topics: chance.pick(['roasts', 'recipes', 'both']),
    opened_at: diary.now,
  })
  browse(diary, customerReporter(diary, email), `s-${chance.hex(8)}`, chance.whole(1, 4))
  if (!chance.is(0.2)) return
  diary.wait(60, 600)
  diary.call('identify', email, { newsletter: false, unsubscribed_at: diary.now })
}

/** Ends the subscription; some want to be forgotten altogether. */
export function leaverDay(diary: Diary, customer: Customer): void {
  const { chance } = diary
  if (customer.plan === 'free') customer.plan = 'taster'
  bill(diary, customer)
  diary.goTo(chance.arrivalMs())
  logIn(diary, customer)
  customerReporter(diary, customer.id).page('/account/subscription')
  diary.wait(20, 300)
  changePlan(diary, customer, 'free', chance.pick(['too expensive', 'too much coffee', 'moving', 'no reason']))
  diary.call('removeCustomersFromSegment', 7, [customer.id], 'id')
  if (!chance.is(0.35)) return
  diary.wait(600, 5_400)
  diary.call('track', customer.id, { name: 'erasure_requested', data: { ticket: `T-${chance.whole(10_000, 99_999)}` } })
  diary.wait(60, 1_800)
  diary.call('destroy', customer.id)
}

/** The back office: lists of customers for the weekly campaigns. */
export function officeDay(diary: Diary, customers: readonly Customer[]): void {
  const { chance } = diary
  diary.goTo(3_600_000)
  for (let list = 0; list < 16; list++) {
    diary.wait(900, 3_400)
    const ids = new Set(Array.from({ length: chance.whole(2, 5) }, () => chance.pick(customers).id))
    diary.call('addCustomersToSegment', 12 + (list % 4), [...ids], 'id')
  }
}

function logIn(diary: Diary, customer: Customer): void {
  customer.sessions++
  diary.call('identify', customer.id, profileOf(customer))
  diary.call('track', customer.id, {
    name: 'logged_in',
    data: { session_number: customer.sessions, client: diary.chance.pick(['web', 'web', 'ios', 'android']) },
  })
  if (diary.chance.is(0.08)) install(diary, customer)
}

function land(diary: Diary, anonymousId: string): void {
  const [source, campaign] = diary.chance.pick(LANDINGS)
  diary.call('trackAnonymous', anonymousId, { name: 'landed', data: { utm_source: source, utm_campaign: campaign } })
}

/** The app on a phone; some replace an old one. */
function install(diary: Diary, customer: Customer): void {
  const { chance } = diary
  const platform = chance.pick(['ios', 'android'] as const)
  const token = chance.hex(32)
  diary.wait(30, 300)
  diary.call('addDevice', customer.id, token, platform, {
    last_used: diary.now,
    app_version: `4.${chance.whole(0, 9)}.${chance.whole(0, 9)}`,
    push_enabled: chance.is(0.7),
  })
  diary.call('track', customer.id, { name: 'app_opened', data: { platform, first: true, at: diary.now } })
  if (!chance.is(0.25)) return
  diary.wait(600, 3_000)
  diary.call('deleteDevice', customer.id, token)
}

/** A trial of the subscription; some keep it. */
function tryOut(diary: Diary, customer: Customer): void {
  const { chance } = diary
  const plan = chance.pick(['taster', 'regular'] as const)
  diary.wait(20, 200)
  diary.call('track', customer.id, {
    name: 'trial_started',
    data: { plan, days: 14, price: PLANS[plan] / 100, at: diary.now },
  })
  diary.call('identify', customer.id, { ...numbersOf(customer), trial: plan, trial_ends_at: diary.now + 14 * 86_400 })
  diary.call('addCustomersToSegment', 7, [customer.id], 'id')
  if (!chance.is(0.3)) return
  diary.wait(600, 4_000)
  changePlan(diary, customer, plan, 'trial converted')
}

/** The month's invoice, in the first hours of the day. */
function bill(diary: Diary, customer: Customer): void {
  const { chance } = diary
  if (customer.plan === 'free' || !chance.is(0.5)) return
  diary.goTo(chance.whole(60_000, DAY_MS / 10))
  const invoice = `2026-03-${chance.hex(5).toUpperCase()}`
  const amount = PLANS[customer.plan] / 100
  diary.call('track', customer.id, { name: 'invoice_created', data: { invoice, amount, plan: customer.plan } })
  diary.wait(30, 600)
  if (chance.is(0.92)) {
    diary.call('track', customer.id, { name: 'invoice_paid', data: { invoice, amount } })
    return
  }
  diary.call('track', customer.id, {
    name: 'invoice_failed',
    data: { invoice, amount, attempt: 1, reason: 'card expired' },
  })
  diary.call('identify', customer.id, { ...numbersOf(customer), payment_failed_at: diary.now })
}

function moveUpOrDown(diary: Diary, customer: Customer): void {
  const plan = diary.chance.pick(['taster', 'regular', 'office'] satisfies readonly Plan[])
  changePlan(diary, customer, plan, diary.chance.pick(['more coffee', 'less coffee', 'offer']))
}

function askForHelp(diary: Diary, customer: Customer): void {
  const { chance } = diary
  const ticket = `T-${chance.whole(10_000, 99_999)}`
  diary.call('track', customer.id, {
    name: 'ticket_opened',
    data: {
      ticket,
      topic: chance.pick(['delivery', 'invoice', 'grind', 'app']),
      priority: chance.pick(['low', 'normal', 'high']),
    },
  })
  diary.wait(900, 9_000)
  diary.call('track', customer.id, { name: 'ticket_closed', data: { ticket, rating: chance.whole(1, 5) } })
}
