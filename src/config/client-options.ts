/** A workspace's settings in the form that the client takes. */
import { join } from 'node:path'

import type { MaxAge, OutboxConfig, WorkspaceConfig } from './relay-config.ts'

/** Fits `ClientOptions`; only the outbox is missing, which is opened from what stands beside it. */
export interface WorkspaceClientOptions {
  readonly siteId: string
  readonly apiKey: string
  readonly region: 'us' | 'eu'
  readonly baseUrl?: string
  readonly lint: WorkspaceConfig['lint']
  readonly dedupe: WorkspaceConfig['dedupe']
  readonly personIdentifier: WorkspaceConfig['personIdentifier']
  readonly afterCampaignWindow: WorkspaceConfig['afterCampaignWindow']
  readonly concurrency: number
  readonly rateLimit: { readonly perSecond: number }
  readonly batch: WorkspaceConfig['batch']
  readonly timeouts: WorkspaceConfig['timeouts']
  readonly retry: WorkspaceConfig['retry']
  readonly maxAgeMs?: MaxAge
}

/** What keeps the operations, and the options of its outbox. */
export type WorkspaceOutbox =
  | { readonly kind: 'sqlite'; readonly options: SqliteOptions }
  | { readonly kind: 'bullmq'; readonly options: BullmqOptions }
  | { readonly kind: 'postgres'; readonly options: PostgresOptions }

interface Bounds {
  readonly maxBytes: number
  readonly maxOperations: number
}

/** Fits `SqliteOutboxOptions`. */
interface SqliteOptions extends Bounds {
  readonly path: string
  readonly durability: 'power' | 'os'
}

/** Fits `BullmqOutboxOptions`. */
interface BullmqOptions extends Bounds {
  readonly connection: string
  readonly prefix?: string
  readonly commandTimeoutMs?: number
  readonly requireDurability?: boolean
  readonly spill: { readonly path: string; readonly maxBytes: number; readonly maxOperations: number } | false
  readonly onOutage?: 'hold' | 'deliver'
  readonly deliverAfterMs?: number
}

/** Fits `PostgresOutboxOptions`. */
interface PostgresOptions extends Bounds {
  readonly connectionString: string
  readonly schema?: string
  readonly listen?: boolean
  readonly statementTimeoutMs?: number
  readonly requireDurability?: boolean
}

export interface WorkspaceClient {
  readonly client: WorkspaceClientOptions
  readonly outbox: WorkspaceOutbox
}

/**
 * @param dataDir folder of the outboxes
 * @param name of the workspace; the file of its outbox is `<dataDir>/<name>.db`, that of its spill `<dataDir>/<name>.spill`
 * @example
 * const { client, outbox } = toClientOptions(config.workspaces.shop, config.dataDir, 'shop')
 * new RelayClient({ ...client, outbox: outboxOf(outbox) })
 */
export function toClientOptions(workspace: WorkspaceConfig, dataDir: string, name: string): WorkspaceClient {
  const { siteId, apiKey, region, baseUrl, lint, dedupe, personIdentifier, afterCampaignWindow } = workspace
  const { concurrency, rateLimitPerSecond, batch, timeouts, retry, maxAge, outbox } = workspace
  return {
    client: {
      siteId,
      apiKey,
      region,
      ...(baseUrl === null ? {} : { baseUrl }),
      lint,
      dedupe,
      personIdentifier,
      afterCampaignWindow,
      concurrency,
      rateLimit: { perSecond: rateLimitPerSecond },
      batch,
      timeouts,
      retry,
      ...(maxAge === null ? {} : { maxAgeMs: maxAge }),
    },
    outbox: outboxOptionsOf(outbox, dataDir, name),
  }
}

function outboxOptionsOf(outbox: OutboxConfig, dataDir: string, name: string): WorkspaceOutbox {
  const { kind, url, durability, maxBytes, maxOperations } = outbox
  if (kind === 'sqlite') {
    return { kind, options: { path: outboxFileOf(dataDir, name), durability, maxBytes, maxOperations } }
  }
  if (url === null) throw new Error('an outbox of a server without its URL is refused before')
  const { prefix, schema, listen, requireDurability, timeoutMs, spill } = outbox
  const both = { maxBytes, maxOperations, ...said({ requireDurability }) }
  if (kind === 'postgres') {
    const options = { connectionString: url, ...both, ...said({ schema, listen, statementTimeoutMs: timeoutMs }) }
    return { kind, options }
  }
  const { onOutage, deliverAfterMs } = spill
  const file = {
    path: spill.path ?? join(dataDir, `${name}.spill`),
    maxBytes: spill.maxBytes ?? maxBytes,
    maxOperations,
  }
  return {
    kind,
    options: {
      connection: url,
      ...both,
      ...said({ prefix, commandTimeoutMs: timeoutMs, onOutage, deliverAfterMs }),
      spill: spill.enabled === false ? false : file,
    },
  }
}

/** The file of a workspace whose outbox is of the kind `sqlite`. */
export function outboxFileOf(dataDir: string, name: string): string {
  return join(dataDir, `${name}.db`)
}

type Said<Fields> = { readonly [Name in keyof Fields]?: NonNullable<Fields[Name]> }

/** Without the fields that are `null`: the outbox has its own defaults for them. */
function said<Fields extends object>(fields: Fields): Said<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as Said<Fields>
}
