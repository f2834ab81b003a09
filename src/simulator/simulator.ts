/** Puts the simulator together: one exchange, reached through a function or a socket. */
import type { Fetch } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import { checkLoopback, withControl } from './control.ts'
import { Exchange } from './exchange.ts'
import type { Fault, FaultHandle, Faults } from './faults.ts'
import { createHold, NO_HOLD } from './hold.ts'
import type { Ledger } from './ledger.ts'
import { responseOf } from './network.ts'
import { type ChangeableOptions, resolveOptions, type SimulatorOptions } from './options.ts'
import { serve, type SimulatorServer } from './serve.ts'
import type { Workspace } from './workspace.ts'

/**
 * - `bad-gateway`: 502 with an HTML page, as the load balancer in front of Customer.io gives it.
 * - `unavailable`: 503 with a JSON body.
 * - `refused`, `reset`, `timeout`: no connection; a broken one; no answer.
 */
export type Outage = 'bad-gateway' | 'unavailable' | 'refused' | 'reset' | 'timeout'

const OUTAGES: Readonly<Record<Outage, Fault>> = {
  'bad-gateway': { kind: 'status', status: 502, html: true },
  unavailable: { kind: 'status', status: 503 },
  refused: { kind: 'refused' },
  reset: { kind: 'reset' },
  timeout: { kind: 'timeout' },
}

export interface Simulator {
  /**
   * Answers as the global `fetch` would, without sockets, and obeys the request's signal. A redirect is given back as
   * it is, never followed. Pass it as the `fetch` of the client under test.
   */
  readonly fetch: Fetch
  /**
   * Serves the same over HTTP. Several servers, one after the other or at once, share the one workspace.
   * @param port @defaultValue 0, any free one
   * @param host @defaultValue '127.0.0.1'
   * @param options.control also serve the control API under `/__simulator/`, on loopback alone. @defaultValue false
   * @throws Error (`EADDRINUSE`) when the port is taken
   */
  readonly listen: (port?: number, host?: string, options?: { readonly control?: boolean }) => Promise<SimulatorServer>
  /** What goes wrong. */
  readonly faults: Omit<Faults, 'strike' | 'refusesAll'>
  /** What arrived. */
  readonly ledger: Omit<Ledger, 'reserve' | 'write'>
  /** What Customer.io remembers. */
  readonly workspace: Omit<Workspace, 'apply' | 'reserve' | 'touchForm'>
  /** Takes Customer.io down until `up()`; a second call replaces the first. @defaultValue 'bad-gateway' */
  readonly down: (outage?: Outage) => void
  /** Ends what `down()` began. Other faults stay. */
  readonly up: () => void
  /** Changes credentials (a key rotation), latency or rate limit from the next request on. */
  readonly change: (options: ChangeableOptions) => void
}

/**
 * A fake Customer.io Track API with a memory, faults, and a ledger of what arrived.
 *
 * @example
 * ```ts
 * const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
 * simulator.faults.add({ kind: 'status', status: 502, html: true, times: 3 })
 * // ... run the program under test against simulator.fetch ...
 * assert.equal(simulator.ledger.count({ type: 'event', name: 'order', applied: true }), 1)
 * assert.equal(simulator.workspace.person('42')?.attributes['plan'], 'pro')
 * ```
 * @throws OptionsError when an option is wrong
 */
export function createSimulator(options: SimulatorOptions = {}): Simulator {
  const resolved = resolveOptions(options)
  const exchange = new Exchange(resolved, resolved.clock === systemRuntime.clock ? createHold() : NO_HOLD)
  let outage: FaultHandle | undefined
  const up = (): void => {
    outage?.remove()
    outage = undefined
  }
  const simulator: Simulator = {
    fetch: async (request) => responseOf(await exchange.reply(request)),
    listen: async (port = 0, host = '127.0.0.1', { control = false } = {}) => {
      if (control) checkLoopback(host)
      return serve(control ? withControl(exchange, simulator) : exchange, port, host)
    },
    faults: exchange.faults,
    ledger: exchange.ledger,
    workspace: exchange.workspace,
    down: (kind = 'bad-gateway') => {
      up()
      outage = exchange.faults.add(OUTAGES[kind])
    },
    up,
    change: (changed) => exchange.change(changed),
  }
  return simulator
}
