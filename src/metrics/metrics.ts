/**
 * The metrics of a process: counts what events tell as they come, asks each workspace for its numbers when it is scraped.
 * A workspace that does not answer costs a scrape one second at most, and is shown as it was last known.
 */
import { OptionsError } from '../errors.ts'
import type { RelayEvent } from '../observe/relay-events.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { ClientRecorder } from './client-recorder.ts'
import { expositionOf, PROMETHEUS_CONTENT_TYPE } from './exposition.ts'
import { type LoopLag, watchLoopLag } from './loop-lag.ts'
import type { MeasuredClient, MeasuredRelay } from './measured.ts'
import { writeHealth, writeStats } from './readings.ts'
import { type RecordListener, Registry } from './registry.ts'
import { RelayRecorder } from './relay-recorder.ts'
import { type MetricFamily, snapshotOf } from './snapshot.ts'
import { METRICS } from './table.ts'

const ANSWER_MS_MAX = 1_000
const NAME_CHARS_MAX = 200

export interface Metrics {
  /**
   * Measures one client.
   * @param workspace its name in the label `workspace`: 1 to 200 characters, each name once.
   * @returns the function that ends it and takes the workspace out of the metrics.
   * @throws OptionsError naming the field
   */
  watch(workspace: string, client: MeasuredClient): () => void
  /** Measures a relay and all its workspaces, also those that come later. One relay at a time; returns the function that ends it. */
  watchRelay(relay: MeasuredRelay): () => void
  /** Shows the open connections of a listener in `holdfast_relay_connections`, those of several added up. */
  watchConnections(listening: { readonly connections: number }): () => void
  /** The configuration was loaded, or could not be and the old one goes on. */
  configLoaded(isGood: boolean): void
  /** All numbers. Scrapes at the same time share one. Never rejects. */
  collect(): Promise<readonly MetricFamily[]>
  /** Prometheus' text format of `collect()`, to be sent with `contentType`. */
  text(): Promise<string>
  readonly contentType: string
  /** Hears each value of a histogram from now on, as it is recorded. Returns the function that ends it. */
  onRecord(listener: RecordListener): () => void
  /** Ends all watching. */
  close(): void
}

export class MetricsOfProcess implements Metrics {
  readonly contentType: string = PROMETHEUS_CONTENT_TYPE
  readonly #runtime: Pick<Runtime, 'clock'>
  readonly #registry = new Registry(METRICS)
  readonly #lag: LoopLag
  readonly #clients = new Map<string, MeasuredClient>()
  #relay: { readonly relay: MeasuredRelay; readonly recorders: Map<string, ClientRecorder> } | undefined
  readonly #listeners = new Set<{ readonly connections: number }>()
  readonly #ends = new Set<() => void>()
  /** Questions that have no answer yet: one that hangs is not asked again. */
  readonly #asked = new WeakMap<MeasuredClient, Promise<boolean>>()
  #collecting: Promise<readonly MetricFamily[]> | undefined

  constructor(runtime: Pick<Runtime, 'clock'>, version: string | undefined) {
    this.#runtime = runtime
    this.#lag = watchLoopLag(runtime.clock)
    this.#registry.set('start_time', runtime.clock.wallMs() / 1_000)
    if (version !== undefined) this.#registry.set('build_info', 1, version)
  }

  watch(workspace: string, client: MeasuredClient): () => void {
    this.#checkName(workspace)
    const recorder = new ClientRecorder(this.#registry, workspace, this.#runtime.clock)
    const leave = client.on((event) => recorder.record(event))
    this.#clients.set(workspace, client)
    return this.#ending(() => {
      leave()
      this.#clients.delete(workspace)
      this.#registry.dropWorkspace(workspace)
    })
  }

  watchRelay(relay: MeasuredRelay): () => void {
    if (this.#relay !== undefined) throw new OptionsError('relay', 'is watched already, one at a time')
    for (const name of relay.workspaces.keys()) this.#checkName(name)
    const recorders = new Map<string, ClientRecorder>()
    const recorder = new RelayRecorder(this.#registry)
    this.#relay = { relay, recorders }
    this.#followWorkspaces()
    this.#registry.setOneHot('relay.phase', relay.phase)
    const leave = relay.on((event) => this.#heard(event, recorder))
    return this.#ending(() => {
      leave()
      for (const name of recorders.keys()) this.#registry.dropWorkspace(name)
      this.#relay = undefined
    })
  }

  watchConnections(listening: { readonly connections: number }): () => void {
    this.#listeners.add(listening)
    return this.#ending(() => this.#listeners.delete(listening))
  }

  configLoaded(isGood: boolean): void {
    this.#registry.set('config.last_reload_successful', isGood ? 1 : 0)
    if (isGood) this.#registry.set('config.last_reload_success_timestamp', this.#runtime.clock.wallMs() / 1_000)
  }

  collect(): Promise<readonly MetricFamily[]> {
    this.#collecting ??= this.#collect().finally(() => (this.#collecting = undefined))
    return this.#collecting
  }

  async text(): Promise<string> {
    return expositionOf(await this.collect())
  }

  onRecord(listener: RecordListener): () => void {
    return this.#registry.onRecord(listener)
  }

  close(): void {
    for (const end of this.#ends) end()
    this.#lag.close()
  }

  async #collect(): Promise<readonly MetricFamily[]> {
    const names = new Set([...this.#clients.keys(), ...(this.#relay?.relay.workspaces.keys() ?? [])])
    await Promise.all([...names].map((name) => this.#askInTime(name)))
    const registry = this.#registry
    registry.set('event_loop.lag', this.#lag.maxMs / 1_000)
    registry.set('process.resident_memory', process.memoryUsage.rss())
    let connections: number | null = null
    for (const listening of this.#listeners) connections = (connections ?? 0) + listening.connections
    registry.set('relay.connections', connections)
    return snapshotOf(registry)
  }

  async #askInTime(workspace: string): Promise<void> {
    const client = this.#clientOf(workspace)
    if (client === undefined) return
    const { promise: late, resolve } = Promise.withResolvers<false>()
    const cancel = this.#runtime.clock.timer(ANSWER_MS_MAX, () => resolve(false))
    const isGood = await Promise.race([this.#ask(workspace, client), late])
    cancel()
    if (!isGood && this.#clientOf(workspace) === client) this.#registry.cell('scrape.errors', workspace).value++
  }

  #ask(workspace: string, client: MeasuredClient): Promise<boolean> {
    let asked = this.#asked.get(client)
    if (asked === undefined) {
      asked = this.#read(workspace, client).finally(() => this.#asked.delete(client))
      this.#asked.set(client, asked)
    }
    return asked
  }

  /** Writes each answer when it comes, also one that comes too late for its scrape. */
  async #read(workspace: string, client: MeasuredClient): Promise<boolean> {
    const isCurrent = (): boolean => this.#clientOf(workspace) === client
    const answers = await Promise.allSettled([
      client.stats().then((stats) => {
        if (isCurrent()) writeStats(this.#registry, workspace, stats, this.#runtime.clock.wallMs())
      }),
      client.health().then((health) => {
        if (isCurrent()) writeHealth(this.#registry, workspace, health)
      }),
    ])
    return answers.every(({ status }) => status === 'fulfilled')
  }

  #heard(event: RelayEvent, recorder: RelayRecorder): void {
    switch (event.type) {
      case 'workspace':
        this.#recorderOf(event.workspace)?.record(event.event)
        return
      case 'answered':
        recorder.answered(event, (workspace) => this.#recorderOf(workspace) !== undefined)
        return
      case 'connection':
        recorder.refused(event)
        return
      case 'phase':
        this.#registry.setOneHot('relay.phase', event.to)
        return
      case 'workspaces':
        this.#followWorkspaces()
        return
      default:
    }
  }

  #recorderOf(workspace: string): ClientRecorder | undefined {
    const recorder = this.#relay?.recorders.get(workspace)
    if (recorder !== undefined || this.#relay?.relay.workspaces.has(workspace) !== true) return recorder
    this.#followWorkspaces()
    return this.#relay.recorders.get(workspace)
  }

  /** A recorder for each workspace that the relay has, and for no other. */
  #followWorkspaces(): void {
    if (this.#relay === undefined) return
    const { relay, recorders } = this.#relay
    const { workspaces } = relay
    for (const name of workspaces.keys()) {
      if (!recorders.has(name)) recorders.set(name, new ClientRecorder(this.#registry, name, this.#runtime.clock))
    }
    if (recorders.size === workspaces.size) return
    for (const name of recorders.keys()) {
      if (workspaces.has(name)) continue
      recorders.delete(name)
      this.#registry.dropWorkspace(name)
    }
  }

  #clientOf(workspace: string): MeasuredClient | undefined {
    return this.#clients.get(workspace) ?? this.#relay?.relay.workspaces.get(workspace)
  }

  #checkName(workspace: unknown): void {
    if (typeof workspace !== 'string' || workspace === '' || workspace.length > NAME_CHARS_MAX) {
      throw new OptionsError('workspace', `must be a text of 1 to ${NAME_CHARS_MAX} characters`)
    }
    if (this.#clientOf(workspace) !== undefined) throw new OptionsError('workspace', 'is watched already')
  }

  #ending(end: () => void): () => void {
    const once = (): void => {
      if (this.#ends.delete(once)) end()
    }
    this.#ends.add(once)
    return once
  }
}
