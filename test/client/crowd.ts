/** Several processes of one application, on virtual time: clients that all deliver from one memory outbox to one simulator. */
import type { ClientOptions } from '../../src/client/options.ts'
import { type HoldfastEvent, memoryOutbox, type OpenOutbox, ResilientCustomerIO } from '../../src/index.ts'
import type { Fetch } from '../../src/runtime/runtime.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/index.ts'
import { createTestRuntime } from '../../src/testing/test-runtime.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { settled } from '../virtual-time.ts'
import { createFreezer, type Freezer } from './freezing.ts'

export interface Member {
  readonly cio: ResilientCustomerIO
  readonly events: HoldfastEvent[]
  /** Statuses of its answers, with their times; null where there was none. */
  readonly answers: { readonly atMs: number; readonly status: number | null }[]
  readonly freezer: Freezer
  /** What stands between it and the simulator: throws, or does nothing. */
  network: () => void
}

export interface Crowd {
  readonly clock: VirtualClock
  readonly simulator: Simulator
  readonly members: readonly Member[]
  /** One more process. */
  readonly join: () => Member
  readonly soon: <T>(promise: Promise<T>) => Promise<T>
  readonly close: () => Promise<void>
}

export function createCrowd(
  size: number,
  options: Partial<ClientOptions> = {},
  simulated: Partial<SimulatorOptions> = {},
  outbox: OpenOutbox = memoryOutbox({ deliver: 'all' }),
): Crowd {
  const clock = new VirtualClock()
  const { random } = createTestRuntime({ clock })
  const simulator = createSimulator({ clock, random, siteId: 'site', apiKey: 'key', latencyMs: 20, ...simulated })
  const members: Member[] = []
  const soon = <T>(promise: Promise<T>): Promise<T> => settled(promise, clock)

  function join(): Member {
    const answers: Member['answers'] = []
    const events: HoldfastEvent[] = []
    const fetch: Fetch = async (request) => {
      try {
        member.network()
        const response = await simulator.fetch(request)
        answers.push({ atMs: clock.monotonicMs(), status: response.status })
        return response
      } catch (error) {
        answers.push({ atMs: clock.monotonicMs(), status: null })
        throw error
      }
    }
    const freezer = createFreezer()
    const plain = createTestRuntime({ clock, seed: members.length + 1 })
    const runtime = { ...plain, clock: freezer.clock(clock), fetch: freezer.fetch(fetch) }
    const cio = new ResilientCustomerIO({
      siteId: 'site',
      apiKey: 'key',
      runtime,
      outbox: freezer.outbox(outbox),
      ...options,
    })
    cio.on((event) => events.push(event))
    const member: Member = { cio, events, answers, freezer, network: () => {} }
    members.push(member)
    return member
  }

  for (let index = 0; index < size; index++) join()
  return {
    clock,
    simulator,
    members,
    join,
    soon,
    async close() {
      await soon(Promise.all(members.map(({ cio }) => cio.close({ timeoutMs: 0 }))))
    },
  }
}
