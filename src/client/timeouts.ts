/** Every time that something may take, in one place: an attempt, a call, a probe, the end. */
import { OptionsError } from '../errors.ts'
import { checkNumber } from '../resilience/check-number.ts'

/** All in milliseconds, above 0 and up to 3600000 (an hour); `closeMs` may be 0, `leaseMs` has a minimum. */
export interface TimeoutOptions {
  /** One attempt of a single call: connecting, redirects and the answer's body together. @defaultValue 10000 */
  readonly callMs?: number
  /** One attempt of a batch. @defaultValue 30000 */
  readonly batchMs?: number
  /**
   * One request that finds out how Customer.io is: the first after an open circuit or while parked, and the question of
   * `health({ probe: 'active' })`. Short, so that a server that hangs is found out soon. @defaultValue 3000
   */
  readonly probeMs?: number
  /** A whole call that is tried at once (`mode: 'direct'`): its attempts and the waits between them. @defaultValue 15000 */
  readonly deadlineMs?: number
  /** How long `close()` waits for requests under way. @defaultValue 10000 */
  readonly closeMs?: number
  /**
   * How long what this process has taken for delivery stays its own without a word from it, at least twice the longer of
   * `callMs` and `batchMs`. When a process dies or is frozen, its persons wait for so long where all that share the outbox
   * deliver. It is renewed in time, and nothing is sent that it would not outlast.
   * @defaultValue twice the longer of `callMs` and `batchMs`, and 30000: 90000
   */
  readonly leaseMs?: number
}

export type Timeouts = Required<TimeoutOptions>

export const timeoutDefaults: Timeouts = Object.freeze({
  callMs: 10_000,
  batchMs: 30_000,
  probeMs: 3_000,
  deadlineMs: 15_000,
  closeMs: 10_000,
  leaseMs: 90_000,
})

/** Time for an attempt, its answer and the write of its verdict, and as much again before it must be renewed. */
const LEASE_MARGIN_MS = 30_000

const TIMEOUT_MS_MAX = 3_600_000

/** @throws OptionsError naming the field, for a name that is not known and a number out of range */
export function resolveTimeouts(options: TimeoutOptions = {}): Timeouts {
  if (typeof options !== 'object' || options === null) throw new OptionsError('timeouts', 'must be an object')
  const resolved = { ...timeoutDefaults }
  for (const [name, value] of Object.entries(options)) {
    if (!isName(name)) throw new OptionsError(`timeouts.${name}`, 'is not known here')
    if (value === undefined) continue
    checkNumber(`timeouts.${name}`, value, {
      ...(name === 'closeMs' ? { min: 0 } : { above: 0 }),
      max: TIMEOUT_MS_MAX,
    })
    resolved[name] = value
  }
  return { ...resolved, leaseMs: leaseOf(resolved, options.leaseMs) }
}

function leaseOf({ callMs, batchMs }: Timeouts, leaseMs: number | undefined): number {
  const attemptsMs = 2 * Math.max(callMs, batchMs)
  if (leaseMs === undefined) return attemptsMs + LEASE_MARGIN_MS
  if (leaseMs < attemptsMs) {
    throw new OptionsError('timeouts.leaseMs', `must be at least twice callMs and batchMs, ${attemptsMs} here`)
  }
  return leaseMs
}

function isName(name: string): name is keyof Timeouts {
  return Object.hasOwn(timeoutDefaults, name)
}
