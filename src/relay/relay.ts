/**
 * The relay without sockets: requests of Customer.io's Track API in, each stored durably by its workspace's client before it
 * is answered, and delivered from there. Where what stands
 *
 * - `answering.ts`: one request, from arrival to answer. Its parts: `target.ts`, `credentials.ts`, `body.ts` with `budget.ts`,
 *   `json.ts`; `answers.ts`
 * - `order.ts`: the order of a connection; `retries.ts` and `survivors.ts`: which request is one that was stored before
 * - `workspace.ts`: a client and its life; `reconfigure.ts`: what a reload changes
 */
import { checkCloseTimeout } from '../client/closing.ts'
import type { CloseReport } from '../client/reports.ts'
import { ClosedError } from '../errors.ts'
import type { HoldfastEvent } from '../observe/events.ts'
import type { RelayEvent, RelayListener, RelayPhase } from '../observe/relay-events.ts'
import { answer } from '../http/answer.ts'
import { sleep } from '../runtime/clock.ts'
import { Answering, type AnsweringParts, type Answered } from './answering.ts'
import { createBudget } from './budget.ts'
import { createKeyring, type Keyring } from './credentials.ts'
import {
  type RelayOptions,
  type RelaySettings,
  resolveRelayOptions,
  resolveWorkspaces,
  type WorkspaceOptions,
  type WorkspaceSettings,
} from './options.ts'
import type { RequestArrival } from './arrival.ts'
import { createOrder } from './order.ts'
import { differencesOf, type Reconfigured } from './reconfigure.ts'
import type { RelayClient } from './relay-client.ts'
import { createRetries, type Retries } from './retries.ts'
import { clientOf, Workspace } from './workspace.ts'

export type { RequestArrival } from './arrival.ts'

export interface RelayCloseReport {
  /** What remains stored, by workspace. */
  readonly workspaces: Readonly<Record<string, CloseReport>>
}

export interface Relay {
  /**
   * Answers a request of the Track API: 200 `{}` when its calls are stored durably, in the order of the calls of `fetch`
   * for requests of the same `connection`. Never rejects: what cannot be stored is a 4xx or a 5xx, in Customer.io's shapes.
   */
  readonly fetch: (request: Request, arrival?: RequestArrival) => Promise<Response>
  /** The present client of each workspace, by name. Ask anew each time: `reconfigure` may swap it. */
  readonly workspaces: ReadonlyMap<string, RelayClient>
  /**
   * `starting` until every outbox is open, or known to be on a server that is away; a workspace whose outbox is open takes
   * requests before.
   */
  readonly phase: RelayPhase
  /** Subscribes to everything that happens, also in the workspaces. Returns the function that ends the subscription. */
  readonly on: (listener: RelayListener) => () => void
  /** New requests get 503 from now on, and are asked to leave their connection. What is under way is answered. */
  readonly drain: () => void
  /** Resolves when no request is under way. */
  readonly idle: () => Promise<void>
  /**
   * Takes other workspaces, or the same ones with other options, without a failed request: a workspace that is changed gets
   * a new client on the same outbox (give it the same `outbox` function, or one on the same file), which is opened before
   * it takes the old one's place.
   *
   * Resolves when the old clients are closed. Rejects with an `OptionsError`, or with the error of an outbox that cannot be
   * opened, and then nothing has changed; with a `ClosedError` when the relay is stopping.
   */
  readonly reconfigure: (workspaces: readonly WorkspaceOptions[]) => Promise<Reconfigured>
  /**
   * Drains, waits until no request is under way, and closes the clients.
   * @param options.timeoutMs for all of it, in milliseconds. @defaultValue 10000
   * @returns what remains stored, and goes out after the next start
   */
  readonly close: (options?: { readonly timeoutMs?: number }) => Promise<RelayCloseReport>
}

const CLOSE_MS = 10_000

/** A workspace that was taken away ends requests under way after so long. */
const REMOVE_MS = 10_000

/**
 * A relay for Customer.io's Track API. It has no sockets: serve its `fetch`.
 *
 * @example
 * ```ts
 * const relay = createRelay({
 *   workspaces: [{ name: 'shop', client: { siteId, apiKey, region: 'eu', outbox: sqliteOutbox({ path: 'shop.db' }) } }],
 * })
 * const answer = await relay.fetch(
 *   new Request('http://relay/api/v1/customers/42/events', {
 *     method: 'POST',
 *     headers: { authorization: `Basic ${btoa(`${siteId}:${apiKey}`)}`, 'content-type': 'application/json' },
 *     body: JSON.stringify({ name: 'order' }),
 *   }),
 * )
 * ```
 * @throws OptionsError naming the field
 */
export function createRelay(options: RelayOptions): Relay {
  const settings = resolveRelayOptions(options)
  const relay = new TrackRelay(settings, resolveWorkspaces(options.workspaces, settings))
  return {
    fetch: (request, arrival) => relay.fetch(request, arrival),
    get workspaces() {
      return relay.clients()
    },
    get phase() {
      return relay.phase
    },
    on: (listener) => relay.on(listener),
    drain: () => relay.drain(),
    idle: () => relay.idle(),
    reconfigure: (workspaces) => relay.reconfigure(workspaces),
    close: (closing) => relay.close(closing),
  }
}

class TrackRelay {
  phase: RelayPhase = 'starting'
  readonly #settings: RelaySettings
  readonly #workspaces = new Map<string, Workspace>()
  #keyring: Keyring
  readonly #order = createOrder()
  readonly #retries: Retries
  readonly #answering: AnsweringParts
  readonly #listeners = new Set<RelayListener>()
  #underWay = 0
  #whenIdle: (() => void)[] = []
  #reconfiguring: Promise<unknown> = Promise.resolve()
  #closing: Promise<RelayCloseReport> | undefined

  constructor(settings: RelaySettings, workspaces: readonly WorkspaceSettings[]) {
    this.#settings = settings
    this.#keyring = createKeyring(workspaces)
    this.#retries = createRetries(settings.runtime.clock, settings.retries)
    this.#answering = {
      settings,
      budget: createBudget(settings.bufferedBytesMax),
      retries: this.#retries,
      keyring: () => this.#keyring,
      workspace: (name) => this.#workspaces.get(name),
      openWorkspace: () => this.#openWorkspace(),
      isDraining: () => this.phase === 'draining' || this.phase === 'closed',
      underWay: () => this.#underWay,
    }
    for (const workspace of workspaces) this.#workspaces.set(workspace.name, this.#workspaceOf(workspace))
    for (const workspace of this.#workspaces.values()) workspace.open()
  }

  async fetch(request: Request, arrival: RequestArrival = {}): Promise<Response> {
    const { clock } = this.#settings.runtime
    const startedMs = clock.monotonicMs()
    this.#underWay++
    const turn = this.#order.join(arrival.connection)
    const answered = await new Answering(this.#answering, request, turn, arrival).run()
    this.#underWay--
    if (this.#underWay === 0) this.#nowIdle()
    const { acceptance } = answered
    if (acceptance !== undefined) acceptance.answered(!(arrival.isGone ?? request.signal.aborted))
    if (this.#listeners.size > 0) this.#tellAnswered(answered, clock.monotonicMs() - startedMs)
    const { status, headers, body } = answered.answer
    return answer(status, headers, request.method === 'HEAD' ? null : body)
  }

  clients(): ReadonlyMap<string, RelayClient> {
    return new Map([...this.#workspaces].map(([name, { client }]) => [name, client]))
  }

  on(listener: RelayListener): () => void {
    const own: RelayListener = (event) => listener(event)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  drain(): void {
    if (this.phase === 'starting' || this.phase === 'serving') this.#enter('draining')
  }

  idle(): Promise<void> {
    return this.#underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  reconfigure(workspaces: readonly WorkspaceOptions[]): Promise<Reconfigured> {
    const done = this.#reconfiguring.then(() => this.#reconfigure(workspaces))
    this.#reconfiguring = done.catch(() => {})
    return done
  }

  async close(options: { readonly timeoutMs?: number } = {}): Promise<RelayCloseReport> {
    const { timeoutMs = CLOSE_MS } = options
    checkCloseTimeout(timeoutMs)
    this.drain()
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<RelayCloseReport> {
    const { clock } = this.#settings.runtime
    const endMs = clock.monotonicMs() + timeoutMs
    await this.#orAfter(Promise.all([this.idle(), this.#reconfiguring]), timeoutMs)
    const reports = await Promise.all(
      [...this.#workspaces.values()].map(async (workspace): Promise<[string, CloseReport]> => {
        workspace.end()
        const leftMs = Math.max(0, endMs - clock.monotonicMs())
        return [workspace.name, await workspace.client.close({ timeoutMs: leftMs })]
      }),
    )
    this.#retries.close()
    this.#enter('closed')
    return { workspaces: Object.fromEntries(reports) }
  }

  async #reconfigure(options: readonly WorkspaceOptions[]): Promise<Reconfigured> {
    this.#checkServing()
    const next = resolveWorkspaces(options, this.#settings)
    const keyring = createKeyring(next)
    const now = [...this.#workspaces.values()].map(({ settings }) => settings)
    const { clients, ...differences } = differencesOf(now, next)
    const newcomers = next.filter(({ name }) => differences.added.includes(name) || clients.includes(name))
    const opened = await this.#openClients(newcomers)
    const left = differences.removed.map((name) => this.#workspaces.get(name)!)
    for (const settings of next) {
      const known = this.#workspaces.get(settings.name)
      if (known === undefined)
        this.#workspaces.set(settings.name, this.#workspaceOf(settings, opened.get(settings.name)))
    }
    this.#keyring = keyring
    for (const { name } of left) this.#workspaces.delete(name)
    for (const name of differences.added) this.#workspaces.get(name)!.open()
    const replaced = next.map((settings) =>
      this.#workspaces.get(settings.name)!.change(settings, opened.get(settings.name)),
    )
    const { added, changed, removed } = differences
    this.#tell({ type: 'workspaces', added: added.length, changed: changed.length, removed: removed.length })
    await Promise.all([...replaced, ...left.map((workspace) => this.#remove(workspace))])
    return differences
  }

  /** Opened clients by workspace; all or none. */
  async #openClients(settings: readonly WorkspaceSettings[]): Promise<ReadonlyMap<string, RelayClient>> {
    const clients = new Map<string, RelayClient>()
    try {
      for (const workspace of settings) clients.set(workspace.name, clientOf(workspace))
      await Promise.all([...clients.values()].map((client) => client.ready()))
      this.#checkServing()
      return clients
    } catch (error) {
      await Promise.all([...clients.values()].map((client) => client.close({ timeoutMs: 0 })))
      throw error
    }
  }

  async #remove(workspace: Workspace): Promise<void> {
    await this.#orAfter(workspace.idle(), REMOVE_MS)
    workspace.end()
    await workspace.client.close()
  }

  #workspaceOf(settings: WorkspaceSettings, client: RelayClient = clientOf(settings)): Workspace {
    return new Workspace(settings, client, {
      runtime: this.#settings.runtime,
      survivors: this.#settings.survivors,
      told: (workspace, event) => this.#tellWorkspace(workspace, event),
      opened: () => this.#opened(),
    })
  }

  #opened(): void {
    if (this.phase === 'starting' && [...this.#workspaces.values()].every(({ isOpenOrAway }) => isOpenOrAway))
      this.#enter('serving')
  }

  #openWorkspace(): string | undefined {
    const { defaultWorkspace } = this.#settings
    const [only] = this.#workspaces.keys()
    return this.#workspaces.size === 1 ? only : defaultWorkspace
  }

  #checkServing(): void {
    if (this.phase === 'draining' || this.phase === 'closed') throw new ClosedError()
  }

  /** Waits for a promise, but no longer. */
  async #orAfter(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
    const over = new AbortController()
    await Promise.race([promise, sleep(this.#settings.runtime.clock, timeoutMs, over.signal, 'held')])
    over.abort()
  }

  #nowIdle(): void {
    const waiting = this.#whenIdle
    this.#whenIdle = []
    for (const resolve of waiting) resolve()
  }

  #enter(phase: RelayPhase): void {
    const from = this.phase
    this.phase = phase
    this.#tell({ type: 'phase', from, to: phase })
  }

  #tellAnswered({ answer, workspace, route, bytes }: Answered, durationMs: number): void {
    const { status, result, operations, duplicates } = answer
    this.#tell({ type: 'answered', workspace, route, status, result, operations, duplicates, bytes, durationMs })
  }

  #tellWorkspace(workspace: string, event: HoldfastEvent): void {
    if (this.#listeners.size > 0) this.#tell({ type: 'workspace', workspace, event })
  }

  /** A listener that throws harms nobody. */
  #tell(event: RelayEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch {
        // Its own trouble.
      }
    }
  }
}
