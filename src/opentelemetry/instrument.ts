/** Joins metrics and spans with the providers of OpenTelemetry. */
import { OptionsError } from '../errors.ts'
import { createMetrics } from '../metrics/index.ts'
import type { MeasuredClient, MeasuredRelay } from '../metrics/measured.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { HoldfastEvent } from '../observe/events.ts'
import type { Tracing } from '../observe/tracing.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import { type MeterProvider, metrics as globalMetrics, trace, type Tracer, type TracerProvider } from './api.ts'
import { exportMetrics } from './instruments.ts'
import { recordRequest, tracingWith } from './spans.ts'

const SCOPE = 'holdfast'

export interface InstrumentOptions {
  /** Metrics that watch already; they are exported, and `watch` then makes spans alone. @defaultValue own ones */
  readonly metrics?: Metrics
  /** @defaultValue the global one, as it is at this moment */
  readonly meterProvider?: MeterProvider
  /** @defaultValue the global one */
  readonly tracerProvider?: TracerProvider
  /** Time. For tests. @defaultValue the real one */
  readonly runtime?: Pick<Runtime, 'clock'>
}

export interface Instrumentation {
  /** To be given to each client as its option `tracing`: makes the spans of calls. */
  readonly tracing: Tracing
  /** Spans for the requests of one client, and its metrics. Returns the function that ends it. */
  watch(workspace: string, client: MeasuredClient): () => void
  /** The same for a relay and all its workspaces. */
  watchRelay(relay: MeasuredRelay): () => void
  /** Ends all watching and the export. Metrics that were given live on. */
  close(): void
}

/**
 * Exports the metrics of Holdfast and traces its calls and requests through OpenTelemetry. Set the providers up first.
 * Throws an `OptionsError` for an unknown option.
 * @example
 * ```ts
 * const telemetry = instrument()
 * const cio = new ResilientCustomerIO({ siteId, apiKey, tracing: telemetry.tracing })
 * telemetry.watch('main', cio)
 * ```
 */
export function instrument(options: InstrumentOptions = {}): Instrumentation {
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name)) throw new OptionsError(name, 'is not known here')
  }
  return new OpenTelemetryInstrumentation(options)
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof InstrumentOptions>([
  'metrics',
  'meterProvider',
  'tracerProvider',
  'runtime',
])

class OpenTelemetryInstrumentation implements Instrumentation {
  readonly tracing: Tracing
  readonly #metrics: Metrics
  readonly #ownsMetrics: boolean
  readonly #clock: Clock
  readonly #tracer: () => Tracer
  readonly #ends = new Set<() => void>()

  constructor(options: InstrumentOptions) {
    const { runtime = systemRuntime, meterProvider = globalMetrics.getMeterProvider(), tracerProvider } = options
    this.#clock = runtime.clock
    this.#ownsMetrics = options.metrics === undefined
    this.#metrics = options.metrics ?? createMetrics({ runtime })
    this.#tracer = () => (tracerProvider ?? trace.getTracerProvider()).getTracer(SCOPE)
    this.tracing = tracingWith(this.#tracer)
    this.#ends.add(exportMetrics(this.#metrics, meterProvider.getMeter(SCOPE)))
  }

  watch(workspace: string, client: MeasuredClient): () => void {
    const endMetrics = this.#ownsMetrics ? this.#metrics.watch(workspace, client) : undefined
    const leave = client.on((event) => this.#heard(workspace, event))
    return this.#ending(leave, endMetrics)
  }

  watchRelay(relay: MeasuredRelay): () => void {
    const endMetrics = this.#ownsMetrics ? this.#metrics.watchRelay(relay) : undefined
    const leave = relay.on((event) => {
      if (event.type === 'workspace') this.#heard(event.workspace, event.event)
    })
    return this.#ending(leave, endMetrics)
  }

  close(): void {
    for (const end of this.#ends) end()
    this.#ends.clear()
    if (this.#ownsMetrics) this.#metrics.close()
  }

  #heard(workspace: string, event: HoldfastEvent): void {
    if (event.type === 'request') recordRequest(event, workspace, this.#tracer(), this.#clock)
  }

  #ending(...steps: readonly ((() => void) | undefined)[]): () => void {
    const end = (): void => {
      if (this.#ends.delete(end)) for (const step of steps) step?.()
    }
    this.#ends.add(end)
    return end
  }
}
