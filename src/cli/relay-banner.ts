/** What a person at a terminal reads when a relay has started: where it is, and how an SDK is pointed at it. */
import type { RelayConfig } from '../config/index.ts'
import type { Service } from '../service/service.ts'

export function relayBanner(service: Pick<Service, 'url' | 'adminUrl' | 'opsUrl' | 'config'>, version: string): string {
  const { url, adminUrl, opsUrl, config } = service
  const { hostname, port, protocol } = new URL(url)
  const names = Object.keys(config.workspaces)
  const isPlain = protocol === 'http:'
  const lines = [
    `holdfast relay ${version}`,
    `  listens on   ${url}`,
    ...(adminUrl === null ? [] : [`  admin API    ${adminUrl}`]),
    ...(opsUrl === null ? [] : [`  health       ${opsUrl}`]),
    `  stores in    ${storesOf(config)}`,
    `  ${names.length === 1 ? 'workspace    ' : 'workspaces   '}${names.join(', ')}`,
    '',
    'Point your SDK at it; keep its site id and API key:',
    `  Node 5.x   new TrackClient(siteId, apiKey, { url: '${url}/api/v1' })`,
    isPlain
      ? '  Python     speaks https only: give the relay listen.tls, see docs/relay.md'
      : `  Python     CustomerIO(site_id, api_key, host='${hostname}', port=${port})`,
    `  Ruby       Customerio::Client.new(site_id, api_key, url: '${url}')`,
    `  Go         customerio.NewTrackClient(siteID, apiKey, customerio.WithURL("${url}"))`,
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** Never the address of a server: that may hold a password. */
function storesOf({ workspaces, dataDir }: RelayConfig): string {
  const kinds = new Set(Object.values(workspaces).map(({ outbox }) => outbox.kind))
  const names = { sqlite: dataDir, bullmq: 'Redis', postgres: 'Postgres' }
  return [...kinds].map((kind) => names[kind]).join(', ')
}
