/**
 * The server that is fuzzed when no other one is named: the relay as `holdfast relay` puts it behind its socket, with health
 * and metrics beside it. What it takes is kept in memory and delivered to a simulator.
 */
import { listen } from '../../src/http/listen.ts'
import { createMetrics } from '../../src/metrics/index.ts'
import { memoryOutbox } from '../../src/outbox/memory.ts'
import { createRelay } from '../../src/relay/index.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { intakeHandler } from '../../src/service/handlers.ts'
import { watchHealth } from '../../src/service/health-watch.ts'
import { createProbes } from '../../src/service/probes.ts'
import { createRelayView } from '../../src/service/relay-view.ts'
import { createSimulator } from '../../src/simulator/index.ts'

export interface FuzzTarget {
  readonly url: string
  readonly close: () => Promise<void>
  /** What no client hears of: errors of the relay's own. */
  readonly failures: readonly unknown[]
}

export async function startTarget(): Promise<FuzzTarget> {
  const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
  let delivered = 0
  const runtime: Runtime = {
    ...systemRuntime,
    fetch(request) {
      // Its memory is not what is measured.
      if (++delivered % 1_000 === 0) {
        simulator.ledger.clear()
        simulator.workspace.clear()
      }
      return simulator.fetch(request)
    },
  }
  const relay = createRelay({
    workspaces: [{ name: 'fuzz', client: { siteId: 'site', apiKey: 'key', region: 'us', outbox: memoryOutbox() } }],
    runtime,
  })
  const view = createRelayView(relay)
  const metrics = createMetrics({ version: '0.0.0', runtime })
  metrics.watchRelay(view)
  const probes = createProbes(watchHealth(view, runtime.clock))
  const failures: unknown[] = []
  const server = await listen(intakeHandler(relay, { probes, metrics }), {
    port: 0,
    headersTimeoutMs: 2_000,
    requestTimeoutMs: 2_000,
    lingerMs: 500,
    refused: (refused) => view.emit({ type: 'connection', refused }),
    failed: (error) => failures.push(error),
  })
  await relay.workspaces.get('fuzz')!.ready()
  return {
    url: server.url,
    failures,
    close: async () => {
      await server.close({ timeoutMs: 5_000 })
      await relay.close({ timeoutMs: 1_000 })
      metrics.close()
    },
  }
}
