/**
 * The outbox contract as named cases, for any test runner. An outbox is what passes them.
 *
 * @example
 * ```ts
 * for (const { name, run } of outboxCases(subject)) test(name, run)
 * ```
 */
import { appendCases } from './outbox-conformance/append.ts'
import { boundCases } from './outbox-conformance/bounds.ts'
import { deadCases } from './outbox-conformance/dead.ts'
import { executionCases } from './outbox-conformance/executions.ts'
import { expressCases } from './outbox-conformance/express.ts'
import { holdingCases } from './outbox-conformance/holding.ts'
import { laneCases } from './outbox-conformance/lanes.ts'
import { leaseCases } from './outbox-conformance/leases.ts'
import { openingCases } from './outbox-conformance/opening.ts'
import { operatorCases } from './outbox-conformance/operator.ts'
import { sharingCases } from './outbox-conformance/sharing.ts'
import { runCase, type OutboxSubject } from './outbox-conformance/scene.ts'

export interface OutboxCase {
  readonly name: string
  readonly run: () => Promise<void>
}

/** Every case of the contract that the subject can run: those that need virtual time or two handles only where it has them. */
export function outboxCases(subject: OutboxSubject): readonly OutboxCase[] {
  return [
    ...appendCases,
    ...laneCases,
    ...holdingCases,
    ...leaseCases,
    ...deadCases,
    ...boundCases,
    ...executionCases,
    ...expressCases,
    ...operatorCases,
    ...openingCases,
    ...sharingCases,
  ]
    .filter((each) => each.needs === undefined || each.needs(subject))
    .map((each) => ({ name: each.name, run: () => runCase(subject, each) }))
}

export type { OutboxHandle, OutboxSubject, OutboxUnderTest } from './outbox-conformance/scene.ts'
