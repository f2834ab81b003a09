/** The fake Customer.io of one backend, on a port of its own, which can go down the way the real one would. */
import {
  createSimulator,
  type Fault,
  type LedgerEntry,
  type Simulator,
  type SimulatorServer,
} from '../../src/simulator/index.ts'
import type { Random } from '../../src/runtime/runtime.ts'

export const SITE_ID = 'demo-site'
export const API_KEY = 'demo-key'

/** "The Track API has a rate limit of 1000 requests per second": more than either client needs here. */
const REQUESTS_PER_SECOND = 1_000
const LATENCY_MS = { min: 10, max: 40 }

/**
 * Below the ports that operating systems give to outgoing connections: on one of those, a client that asks for a
 * closed port can come out connected to itself.
 */
const PORTS = { from: 20_000, count: 10_000 }
const PORT_TRIES_MAX = 50

export class Provider {
  readonly #simulator: Simulator
  readonly port: number
  #server: SimulatorServer | undefined

  private constructor(simulator: Simulator, server: SimulatorServer) {
    this.#simulator = simulator
    this.#server = server
    this.port = server.port
  }

  static async open(random: Random): Promise<Provider> {
    const simulator = createSimulator({
      random,
      siteId: SITE_ID,
      apiKey: API_KEY,
      latencyMs: LATENCY_MS,
      rateLimit: { perSecond: REQUESTS_PER_SECOND },
    })
    for (let tries = 1; ; tries++) {
      // A port that is free for everybody else too, so not drawn from the demo's seed.
      const port = PORTS.from + Math.floor(Math.random() * PORTS.count)
      try {
        return new Provider(simulator, await simulator.listen(port))
      } catch (error) {
        if (tries === PORT_TRIES_MAX) throw error
      }
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Every operation that arrived, in order. */
  arrivals(): readonly LedgerEntry[] {
    return this.#simulator.ledger.all()
  }

  /** Every second request is done and its connection breaks before the answer. */
  loseAnswers(): void {
    this.#become({ kind: 'reset', applied: true, share: 0.5 })
  }

  /** 502 with a page of the load balancer. */
  fail(): void {
    this.#become({ kind: 'status', status: 502, html: true })
  }

  /** Serves again. */
  recover(): void {
    this.#simulator.faults.clear()
  }

  #become(fault: Fault): void {
    this.#simulator.faults.clear()
    this.#simulator.faults.add(fault)
  }

  /** Nobody listens: connections are refused, until `accept`. */
  async refuse(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
  }

  async accept(): Promise<void> {
    this.#server ??= await this.#simulator.listen(this.port)
  }
}
