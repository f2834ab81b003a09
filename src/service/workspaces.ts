/** The configured workspaces as the relay takes them: each with its own outbox file. */
import { type RelayConfig, toClientOptions } from '../config/index.ts'
import type { Tracing } from '../observe/tracing.ts'
import type { OpenOutbox } from '../outbox/outbox.ts'
import { sqliteOutbox, type SqliteOutboxOptions } from '../outbox/sqlite.ts'
import type { WorkspaceOptions } from '../relay/index.ts'

/** The same outbox gives the same function each time, so that a reload sees what has not changed. */
export interface Outboxes {
  of(options: SqliteOutboxOptions): OpenOutbox
}

export function createOutboxes(): Outboxes {
  const known = new Map<string, OpenOutbox>()
  return {
    of(options) {
      const key = JSON.stringify(options)
      const outbox = known.get(key) ?? sqliteOutbox(options)
      known.set(key, outbox)
      return outbox
    },
  }
}

/**
 * @param tracing takes part in every call, where there is a tracer
 * @throws OptionsError naming the field
 */
export function workspacesOf(config: RelayConfig, outboxes: Outboxes, tracing?: Tracing): readonly WorkspaceOptions[] {
  const traced = tracing === undefined ? {} : { tracing }
  return Object.entries(config.workspaces).map(([name, workspace]) => {
    const { client, outbox } = toClientOptions(workspace, config.dataDir, name)
    return { name, inbound: workspace.inbound, client: { ...client, ...traced, outbox: outboxes.of(outbox) } }
  })
}

/** Every secret of a configuration: what no line of the log may show. */
export function secretsOf(config: RelayConfig): readonly string[] {
  const { admin, workspaces } = config
  const keys = Object.values(workspaces).flatMap(({ apiKey, inbound }) => [
    apiKey,
    ...inbound.map((pair) => pair.apiKey),
  ])
  return admin.token === null ? keys : [...keys, admin.token]
}
