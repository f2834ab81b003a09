/**
 * A workspace of the relay: its client, whether that can store already, and what is known of the account. The client may
 * be swapped for another one on the same outbox: what was stored through the old one is on the disk before the new one gets
 * a call, so that no two calls of a connection change places.
 */
import { expectedRegionOf } from '../client/options.ts'
import { codeOf, OptionsError } from '../errors.ts'
import type { HoldfastEvent } from '../observe/events.ts'
import type { AskedProbe } from '../observe/probe.ts'
import { type Region, trackHost } from '../protocol/regions.ts'
import { type CancelTimer, sleep } from '../runtime/clock.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { WorkspaceSettings } from './options.ts'
import { RelayClient } from './relay-client.ts'
import { readSurvivors, type Survivors, type SurvivorsOptions } from './survivors.ts'

export interface WorkspaceParts {
  readonly runtime: Runtime
  readonly survivors: SurvivorsOptions
  readonly told: (workspace: string, event: HoldfastEvent) => void
  /** Its outbox is open, or the server that keeps it is away. */
  readonly opened: () => void
}

/** What `GET /api/v1/accounts/region` is answered. `environment_id` is 0: nobody but Customer.io knows it. */
export interface RegionAnswer {
  readonly url: string
  readonly region: string
  readonly environment_id: number
}

/** An outbox that could not be opened is tried again so often. */
const REOPEN_MS = 1_000

const NO_SURVIVORS: Survivors = Object.freeze({ idOf: () => undefined })

export class Workspace {
  readonly name: string
  readonly #parts: WorkspaceParts
  #settings: WorkspaceSettings
  #client: RelayClient
  #isOpen = false
  #isAway = false
  readonly #whenOpen = Promise.withResolvers<true>()
  #unsubscribe: () => void
  #requests = 0
  #whenIdle: (() => void) | undefined
  /** Calls that are being stored, and whoever waits for their end. */
  #storing = 0
  #whenStored: (() => void) | undefined
  #swapping: Promise<void> | undefined
  #survivors: Promise<Survivors> | undefined
  #cancelReopen: CancelTimer | undefined
  #isClosed = false
  #probed: Pick<AskedProbe, 'region' | 'environmentId'> | undefined

  constructor(settings: WorkspaceSettings, client: RelayClient, parts: WorkspaceParts) {
    this.name = settings.name
    this.#parts = parts
    this.#settings = settings
    this.#client = client
    this.#unsubscribe = this.#listen(client)
  }

  get settings(): WorkspaceSettings {
    return this.#settings
  }

  get client(): RelayClient {
    return this.#client
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** The outbox is open, or the server that keeps it is away: waiting for that one is nothing that a start should do. */
  get isOpenOrAway(): boolean {
    return this.#isOpen || this.#isAway
  }

  /** A request of this workspace has come, and is answered. */
  enter(): void {
    this.#requests++
  }

  leave(): void {
    this.#requests--
    if (this.#requests === 0) this.#whenIdle?.()
  }

  /** Resolves when no request is under way here. */
  idle(): Promise<void> {
    return this.#requests === 0 ? Promise.resolve() : new Promise((resolve) => (this.#whenIdle = resolve))
  }

  /** Opens in the background, and tries again until it succeeds or is closed. */
  open(): void {
    const startedAtMs = this.#parts.runtime.clock.wallMs()
    const attempt = async (): Promise<void> => {
      try {
        await this.#client.ready()
      } catch (error) {
        if (this.#isClosed) return
        this.#cancelReopen = this.#parts.runtime.clock.timer(REOPEN_MS, () => void attempt())
        if (this.#isAway || codeOf(error) !== 'OUTBOX_UNAVAILABLE') return
        this.#isAway = true
        this.#parts.opened()
        return
      }
      this.#survivors = this.#readSurvivors(startedAtMs)
      this.#isOpen = true
      this.#whenOpen.resolve(true)
      this.#parts.opened()
    }
    void attempt()
  }

  /** Waits until calls can be stored, for `waitMs` at most, and no longer than until it is known that they cannot. Resolves to whether they can. */
  async opened(waitMs: number): Promise<boolean> {
    if (this.#isOpen) return true
    const elapsed = new AbortController()
    const failed = this.#client.ready().then(
      () => this.#whenOpen.promise,
      () => false,
    )
    const tooLong = sleep(this.#parts.runtime.clock, waitMs, elapsed.signal).then(() => false)
    try {
      return await Promise.race([this.#whenOpen.promise, failed, tooLong])
    } finally {
      elapsed.abort()
    }
  }

  /** Those that a retry may belong to. */
  survivors(): Promise<Survivors> {
    return this.#survivors ?? Promise.resolve(NO_SURVIVORS)
  }

  /** Resolves when the client may get calls again; undefined when it may now. */
  get swapping(): Promise<void> | undefined {
    return this.#swapping
  }

  /** Hands calls to the client. `store` must hand them over at once, before its promise. */
  async store<T>(store: (client: RelayClient) => Promise<T>): Promise<T> {
    this.#storing++
    try {
      return await store(this.#client)
    } finally {
      this.#storing--
      if (this.#storing === 0) this.#whenStored?.()
    }
  }

  /**
   * Takes other settings, and puts an opened client, where one is given, in the place of the present one. Resolves when that
   * is closed.
   */
  async change(settings: WorkspaceSettings, client: RelayClient = this.#client): Promise<void> {
    const old = this.#client
    this.#settings = settings
    if (client === old) return
    if (await isPaused(old)) client.pause()
    const unsubscribe = this.#unsubscribe
    this.#client = client
    this.#unsubscribe = this.#listen(client)
    this.#probed = undefined
    if (this.#storing > 0) {
      const stored = new Promise<void>((resolve) => (this.#whenStored = resolve))
      this.#swapping = stored.then(() => {
        this.#whenStored = undefined
        this.#swapping = undefined
      })
      await this.#swapping
    }
    await old.close()
    unsubscribe()
  }

  /** No more tries of opening. The client is closed by the caller. */
  end(): void {
    this.#isClosed = true
    this.#cancelReopen?.()
  }

  /** Where the account lives, as far as it is known. Asks nobody. */
  region(): RegionAnswer {
    const known = this.#probed?.region ?? expectedRegionOf(this.#settings.client) ?? 'us'
    const host: Region = known === 'eu' ? 'eu' : 'us'
    return { url: trackHost(host), region: known, environment_id: this.#probed?.environmentId ?? 0 }
  }

  #listen(client: RelayClient): () => void {
    return client.on((event) => {
      if (event.type === 'probed') void this.#takeRegion(client)
      this.#parts.told(this.name, event)
    })
  }

  /** The newest answer to health's question, which is not asked again for it. */
  async #takeRegion(client: RelayClient): Promise<void> {
    const { probe } = await client.health({ probe: 'active' })
    if (probe?.asked === true && probe.region !== null && client === this.#client) this.#probed = probe
  }

  /** An outbox that cannot be read has other troubles than a retry that is stored twice. */
  #readSurvivors(startedAtMs: number): Promise<Survivors> {
    const { runtime, survivors } = this.#parts
    return readSurvivors(this.#client.queue, runtime.clock, startedAtMs, survivors).catch(() => NO_SURVIVORS)
  }
}

/** For this process, whatever an operator has said. */
async function isPaused(client: RelayClient): Promise<boolean> {
  try {
    return (await client.stats()).paused
  } catch {
    return false
  }
}

/** A client of these settings. @throws OptionsError naming the workspace and the field */
export function clientOf({ name, client }: WorkspaceSettings): RelayClient {
  try {
    return new RelayClient(client)
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error
    throw new OptionsError(
      `workspaces.${name}.client.${error.field}`,
      error.message.slice(error.field.length + ': '.length),
    )
  }
}
