/** A way to make calls that may fail. A module of `arrangements/` builds one for each process of the scenario. */
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import type { Server } from './server.ts'

export interface World {
  readonly clock: VirtualClock
  readonly random: () => number
  readonly server: Server
}

/** Resolves when the call was delivered, rejects when it is lost. */
export type Deliver = (call: number) => Promise<unknown>

export interface ArrangementModule {
  readonly openProcess: (world: World) => Deliver
}
