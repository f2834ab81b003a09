/** A runtime on virtual time whose chance and ids come from one seed. */
import type { Fetch, Runtime } from '../runtime/runtime.ts'
import { ulid } from '../runtime/ulid.ts'
import { seededRandom } from './seeded-random.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface TestRuntime extends Runtime {
  readonly clock: VirtualClock
}

export interface TestRuntimeOptions {
  /** @defaultValue 1 */
  readonly seed?: number
  readonly clock?: VirtualClock
  /** @defaultValue a function that refuses every request */
  readonly fetch?: Fetch
}

/** @example `const runtime = createTestRuntime({ seed: 7, fetch: simulator.fetch }); await runtime.clock.advance(1_000)` */
export function createTestRuntime(options: TestRuntimeOptions = {}): TestRuntime {
  const clock = options.clock ?? new VirtualClock()
  const random = seededRandom(options.seed ?? 1)
  return {
    clock,
    random,
    newId: () =>
      ulid(
        clock.wallMs(),
        Uint8Array.from({ length: 10 }, () => Math.floor(random() * 256)),
      ),
    fetch: options.fetch ?? (() => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } }))),
  }
}
