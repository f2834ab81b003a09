/** The configured workspaces as the relay takes them: each with its own outbox. */
import { isSamePlace, type RelayConfig, toClientOptions, type WorkspaceOutbox } from '../config/index.ts'
import type { Tracing } from '../observe/tracing.ts'
import { outboxOfKind } from '../outbox/of-kind.ts'
import type { OpenOutbox } from '../outbox/outbox.ts'
import type { WorkspaceOptions } from '../relay/index.ts'

/** The same outbox gives the same function each time, so that a reload sees what has not changed. */
export interface Outboxes {
  of(outbox: WorkspaceOutbox): OpenOutbox
}

export function createOutboxes(): Outboxes {
  const known = new Map<string, OpenOutbox>()
  return {
    of(described) {
      const key = JSON.stringify(described)
      const outbox = known.get(key) ?? outboxOfKind(described)
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

/**
 * What a running process can take over of a new configuration: its folder and its stores stay where they are, for what
 * waits is there.
 */
export function heldTo(booted: RelayConfig, next: RelayConfig): RelayConfig {
  const workspaces = Object.entries(next.workspaces).map(([name, workspace]) => {
    const before = Object.hasOwn(booted.workspaces, name) ? booted.workspaces[name] : undefined
    const moves = before !== undefined && !isSamePlace(before.outbox, workspace.outbox)
    return [name, moves ? { ...workspace, outbox: before.outbox } : workspace] as const
  })
  return { ...next, dataDir: booted.dataDir, workspaces: Object.fromEntries(workspaces) }
}

/** Every secret of a configuration: what no line of the log may show. */
export function secretsOf(config: RelayConfig): readonly string[] {
  const { admin, workspaces } = config
  const keys = Object.values(workspaces).flatMap(({ apiKey, inbound, outbox }) => [
    apiKey,
    ...inbound.map((pair) => pair.apiKey),
    ...(outbox.url === null ? [] : secretsOfUrl(outbox.url)),
  ])
  return admin.token === null ? keys : [...keys, admin.token]
}

/** The whole, and the password as it is written there and as it is meant. */
function secretsOfUrl(url: string): readonly string[] {
  const password = URL.parse(url)?.password ?? ''
  return password === '' ? [url] : [url, password, decoded(password)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
