/** A workspace's settings in the form that the client takes. */
import { join } from 'node:path'

import type { MaxAge, WorkspaceConfig } from './relay-config.ts'

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

/** Fits `SqliteOutboxOptions`. */
export interface WorkspaceOutboxOptions {
  readonly path: string
  readonly maxBytes: number
  readonly maxOperations: number
  readonly durability: 'power' | 'os'
}

export interface WorkspaceClient {
  readonly client: WorkspaceClientOptions
  readonly outbox: WorkspaceOutboxOptions
}

/**
 * @param dataDir folder of the outboxes
 * @param name of the workspace; its outbox is `<dataDir>/<name>.db`
 * @example
 * const { client, outbox } = toClientOptions(config.workspaces.shop, config.dataDir, 'shop')
 * new RelayClient({ ...client, outbox: sqliteOutbox(outbox) })
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
    outbox: { path: join(dataDir, `${name}.db`), ...outbox },
  }
}
