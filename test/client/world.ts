/** A client on virtual time, its memory outbox and the simulator. */
import type { ClientOptions } from '../../src/client/options.ts'
import { type HoldfastEvent, memoryOutbox, ResilientCustomerIO } from '../../src/index.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/index.ts'
import { createTestRuntime, type TestRuntime } from '../../src/testing/test-runtime.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { settled } from '../virtual-time.ts'

export interface World {
  readonly runtime: TestRuntime
  readonly simulator: Simulator
  readonly cio: ResilientCustomerIO
  readonly events: HoldfastEvent[]
  /** Lets time go on until the promise has settled, and gives its value. */
  readonly soon: <T>(promise: Promise<T>) => Promise<T>
}

export function createWorld(options: Partial<ClientOptions> = {}, simulated: Partial<SimulatorOptions> = {}): World {
  const clock = new VirtualClock()
  const plain = createTestRuntime({ clock })
  const simulator = createSimulator({
    clock,
    random: plain.random,
    siteId: 'site',
    apiKey: 'key',
    latencyMs: 20,
    ...simulated,
  })
  const runtime = createTestRuntime({ clock, fetch: simulator.fetch })
  const cio = new ResilientCustomerIO({ siteId: 'site', apiKey: 'key', runtime, outbox: memoryOutbox(), ...options })
  const events: HoldfastEvent[] = []
  cio.on((event) => events.push(event))
  return {
    runtime,
    simulator,
    cio,
    events,
    soon: (promise) => settled(promise, clock),
  }
}
