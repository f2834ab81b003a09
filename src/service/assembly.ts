/** The parts of a relay that have no socket, made and joined; and their end. */
import { applyPauses } from '../admin/pauses.ts'
import type { RelayConfig } from '../config/index.ts'
import type { Logger } from '../logs/logger.ts'
import { logRelay, type RelayLog } from '../logs/relay-log.ts'
import { createMetrics, type Metrics } from '../metrics/index.ts'
import type { WorkspaceOptions } from '../relay/index.ts'
import { createRelay, type Relay } from '../relay/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type HealthWatch, watchHealth } from './health-watch.ts'
import { createRelayView, type RelayView } from './relay-view.ts'
import { startErrorOf } from './start-error.ts'
import { telemetryOf } from './telemetry.ts'
import { createOutboxes, workspacesOf } from './workspaces.ts'

export interface Assembly {
  readonly relay: Relay
  readonly view: RelayView
  readonly health: HealthWatch
  readonly metrics: Metrics
  readonly log: RelayLog
  /** The workspaces of a configuration, those that have not changed with the same outboxes. */
  readonly workspacesOf: (config: RelayConfig) => readonly WorkspaceOptions[]
  /** Ends what watches. The relay itself is closed before. */
  end(): void
}

/** @throws StartError when the configuration cannot be used */
export async function assemble(
  config: RelayConfig,
  { runtime, logger, version }: { readonly runtime: Runtime; readonly logger: Logger; readonly version: string },
): Promise<Assembly> {
  const metrics = createMetrics({ version, runtime })
  const telemetry = config.openTelemetry ? await telemetryOf(metrics, runtime) : null
  const outboxes = createOutboxes()
  const workspaces = (next: RelayConfig): readonly WorkspaceOptions[] =>
    workspacesOf(next, outboxes, telemetry?.tracing)
  const relay = relayOf(config, workspaces(config), runtime)
  // In the turn in which the clients are made: before they deliver anything.
  applyPauses(config.dataDir, relay.workspaces)
  const view = createRelayView(relay)
  const log = logRelay(logger, view, runtime.clock)
  metrics.watchRelay(view)
  metrics.configLoaded(true)
  telemetry?.watchRelay(view)
  return {
    relay,
    view,
    health: watchHealth(view, runtime.clock),
    metrics,
    log,
    workspacesOf: workspaces,
    end() {
      log.end()
      telemetry?.close()
      metrics.close()
    },
  }
}

function relayOf(config: RelayConfig, workspaces: readonly WorkspaceOptions[], runtime: Runtime): Relay {
  const { limits, defaultWorkspace } = config
  try {
    return createRelay({
      workspaces,
      bodyBytesMax: limits.bodyBytesMax,
      inFlightMax: limits.inFlightMax,
      ...(defaultWorkspace === null ? {} : { defaultWorkspace }),
      runtime,
    })
  } catch (error) {
    throw startErrorOf(error, 'listening')
  }
}
