/**
 * `holdfast/testing`: for tests of programs that use Holdfast, and of outboxes that others write.
 *
 * @example
 * ```ts
 * const runtime = createTestRuntime({ seed: 7 })
 * const simulator = createSimulator({ clock: runtime.clock, random: runtime.random })
 * const cio = new ResilientCustomerIO({
 *   siteId: 'site',
 *   apiKey: 'key',
 *   outbox: memoryOutbox(),
 *   runtime: { ...runtime, fetch: simulator.fetch },
 * })
 * const receipt = cio.track('42', 'order')
 * await runtime.clock.advance(60_000) // a minute passes at once
 * ```
 */
export { outboxCases } from './outbox-conformance.ts'
export type { OutboxCase, OutboxHandle, OutboxSubject, OutboxUnderTest } from './outbox-conformance.ts'
export { seededRandom } from './seeded-random.ts'
export { createTestRuntime } from './test-runtime.ts'
export type { TestRuntime, TestRuntimeOptions } from './test-runtime.ts'
export { VirtualClock } from './virtual-clock.ts'
