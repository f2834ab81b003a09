/** Counts what a relay tells of its answers and its connections. */
import type { RelayEvent } from '../observe/relay-events.ts'
import type { Registry } from './registry.ts'

/** Of answers that belong to no workspace: unknown credentials, unknown paths. */
const NOBODY = 'none'

export class RelayRecorder {
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
    for (const reason of ['too-many', 'too-slow', 'malformed', 'tls'])
      registry.cell('relay.connections.refused', reason)
  }

  /** @param isKnown whether the relay has a workspace of that name. */
  answered(event: RelayEvent & { readonly type: 'answered' }, isKnown: (workspace: string) => boolean): void {
    const { route, status, result, bytes, durationMs } = event
    const workspace = event.workspace !== null && isKnown(event.workspace) ? event.workspace : NOBODY
    this.#registry.cell('relay.requests', workspace, route, String(status), result).value++
    this.#registry.cell('relay.received', workspace).value += bytes
    this.#registry.histogram('relay.request.duration', workspace, route).record(durationMs / 1_000)
  }

  refused(event: RelayEvent & { readonly type: 'connection' }): void {
    this.#registry.cell('relay.connections.refused', event.refused).value++
  }
}
