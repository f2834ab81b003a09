/** What a circuit breaker throws of its own. Made often while a server is down, so without the cost of a stack. */
import { HoldfastError } from '../errors.ts'
import type { Refusal } from './breaker-contract.ts'

export type RefusalReason = Refusal['reason']

/**
 * The circuit lets no call pass; the operation was not called.
 *
 * It has no stack: where it was thrown is no news, and stacks would be most of the cost of a refusal.
 */
export class CircuitOpenError extends HoldfastError {
  override readonly name = 'CircuitOpenError'
  readonly code = 'CIRCUIT_OPEN'
  /** `probing`: half open, with its probes under way. `isolated`: someone called `isolate()`. */
  readonly reason: RefusalReason
  /** When it is worth trying again, in whole milliseconds. Undefined while isolated, which only its holder can end. */
  readonly retryAfterMs: number | undefined

  constructor(reason: RefusalReason, retryAfterMs: number | undefined, isolation?: string) {
    super(sentence(reason, retryAfterMs, isolation))
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

/** What `make` makes, without a stack. */
export function withoutStack<Made extends Error>(make: () => Made): Made {
  const limit = Error.stackTraceLimit
  // Not an assignment: where the built-ins are frozen it would throw, and an error with a stack does as well.
  Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit)
  }
}

function sentence(reason: RefusalReason, retryAfterMs: number | undefined, isolation: string | undefined): string {
  if (reason === 'isolated') return `the circuit is isolated${isolation === undefined ? '' : `: ${isolation}`}`
  const state = reason === 'open' ? 'open' : 'half open and its probes are under way'
  return retryAfterMs === undefined
    ? `the circuit is ${state}`
    : `the circuit is ${state}; try again in ${retryAfterMs} ms`
}
