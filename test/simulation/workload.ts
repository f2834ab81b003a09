/** The calls that an application makes in a run, each with a mark by which it is known again at the provider. */
import type { CallOptions } from '../../src/client/intake.ts'
import { lanesOf } from '../../src/protocol/lanes.ts'
import type { Random } from '../../src/runtime/runtime.ts'
import type { BatchReceipt, Receipt, ResilientCustomerIO } from '../../src/index.ts'
import type { Plan } from './plan.ts'

export interface PlannedCall {
  readonly n: number
  readonly atMs: number
  /** Each person's calls come from one process, so that their order is defined. */
  readonly process: number
  readonly lanes: readonly string[]
  readonly mark: string
  /** The provider will refuse it for ever. */
  readonly poison: boolean
  readonly key: string | undefined
  readonly issue: (cio: ResilientCustomerIO) => Promise<Receipt | BatchReceipt>
}

export function workloadOf(plan: Plan, random: Random): PlannedCall[] {
  const times = Array.from({ length: plan.calls }, () => random() * plan.durationMs).sort((a, b) => a - b)
  const calls: PlannedCall[] = []
  for (const [n, atMs] of times.entries()) {
    const person = Math.floor(random() * plan.people)
    const process = person % plan.processes
    const call = callOf(n, person, plan, random)
    const key = random() < plan.keyedShare && call.mark.includes('#') ? `key-${n}` : undefined
    const options: CallOptions = {
      ...(key === undefined ? {} : { idempotencyKey: key }),
      ...(random() < 0.3 ? { priority: 'bulk' } : {}),
    }
    const planned = { n, atMs, process, key, ...call, issue: (cio: ResilientCustomerIO) => call.issue(cio, options) }
    calls.push(planned)
    // The caller is not sure and calls again.
    if (key !== undefined && random() < 0.5) calls.push({ ...planned, atMs: atMs + random() * 5_000 })
  }
  return calls.sort((a, b) => a.atMs - b.atMs)
}

interface Made {
  readonly lanes: readonly string[]
  readonly mark: string
  readonly poison: boolean
  readonly issue: (cio: ResilientCustomerIO, options: CallOptions) => Promise<Receipt | BatchReceipt>
}

function callOf(n: number, person: number, plan: Plan, random: Random): Made {
  // Ids of three shapes: plain ones share batches, e-mail-shaped and phone-shaped ones go out on v1.
  const id = person % 5 === 3 ? `p${person}@example.com` : person % 5 === 4 ? `+4366${person}` : `p${person}`
  const lanes = lanesOf({ type: 'delete', dialect: 'v1', person: { by: 'path', value: id } }, '')
  const plain = { lanes, poison: false }
  const chance = random()
  if (random() < plan.poisonShare) {
    const data = random() < 0.5 ? { name: 'x'.repeat(101), data: { n } } : { name: 'batch-breaker', data: { n } }
    return { ...plain, poison: true, mark: `event#${n}`, issue: (cio, options) => cio.track(id, data, options) }
  }
  if (random() < plan.mergeShare) {
    // Both from one process, so that the order of each is defined.
    const others = Array.from({ length: plan.people }, (_, index) => index).filter(
      (index) => index !== person && index % plan.processes === person % plan.processes,
    )
    const other = others[Math.floor(random() * others.length)]
    if (other !== undefined) {
      const primary = { by: 'id', value: id } as const
      const secondary = { by: 'id', value: `p${other}` } as const
      return {
        lanes: lanesOf({ type: 'merge', dialect: 'v1', primary, secondary }, ''),
        poison: false,
        mark: 'merge',
        issue: (cio, options) => cio.mergeCustomers('id', id, 'id', `p${other}`, options),
      }
    }
  }
  if (chance < 0.3)
    return { ...plain, mark: `identify#${n}`, issue: (cio, options) => cio.identify(id, { n, plan: 'pro' }, options) }
  if (chance < 0.34) return { ...plain, mark: 'delete', issue: (cio, options) => cio.destroy(id, options) }
  if (chance < 0.4) {
    return {
      ...plain,
      mark: `add_device#d${n}`,
      issue: (cio, options) => cio.addDevice(id, `d${n}`, 'ios', {}, options),
    }
  }
  if (chance < 0.44) {
    const data = {
      name: 'large',
      data: { n, text: 'x'.repeat(900), list: Array.from({ length: 40 }, () => 'y'.repeat(900)) },
    }
    return { ...plain, mark: `event#${n}`, issue: (cio, options) => cio.track(id, data, options) }
  }
  if (chance < 0.5) {
    const item = { type: 'person', identifiers: { id: `p${person}` }, action: 'event', name: 'v2', attributes: { n } }
    return {
      lanes: [`person:p${person}`],
      poison: false,
      mark: `event#${n}`,
      issue: (cio, options) => cio.entity(item, options),
    }
  }
  return { ...plain, mark: `event#${n}`, issue: (cio, options) => cio.track(id, 'happened', { n }, options) }
}
