/** One of the two sides of the demo: a backend, the Customer.io that it sends to, and what has arrived there. */
import { ArrivalReader } from './account/arrivals.ts'
import { Backend } from './backend/backend.ts'
import type { Line } from './calls/line.ts'
import { API_KEY, Provider, SITE_ID } from './provider/provider.ts'
import type { Random } from '../src/runtime/runtime.ts'
import type { Actor } from './result.ts'

export interface SideSettings {
  readonly name: Actor
  readonly program: URL
  readonly makesAgain: boolean
  readonly outboxPath: string
  readonly lines: readonly Line[]
  readonly random: Random
  readonly told: (text: string) => void
  readonly died: (message: string) => void
}

export class Side {
  readonly name: Actor
  readonly provider: Provider
  readonly backend: Backend
  readonly #reader: ArrivalReader

  private constructor(name: Actor, provider: Provider, backend: Backend, reader: ArrivalReader) {
    this.name = name
    this.provider = provider
    this.backend = backend
    this.#reader = reader
  }

  static async open(settings: SideSettings): Promise<Side> {
    const { name, program, makesAgain, outboxPath, told, died } = settings
    const provider = await Provider.open(settings.random)
    const start = { url: provider.url, siteId: SITE_ID, apiKey: API_KEY, outboxPath }
    const backend = new Backend({ name, program, makesAgain, told, died, start })
    return new Side(name, provider, backend, new ArrivalReader(settings.lines))
  }

  /** What has arrived up to now. */
  look(): ArrivalReader {
    this.#reader.read(this.provider.arrivals())
    return this.#reader
  }

  /** Calls that were made and have not arrived. */
  get missing(): number {
    return this.backend.calls - this.look().calls
  }

  /** Ends the process and frees the port. */
  async close(): Promise<void> {
    this.backend.end()
    await this.provider.refuse()
  }
}
