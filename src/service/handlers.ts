/** What is served on which listener. */
import type { Handler } from '../http/listen.ts'
import type { Relay } from '../relay/index.ts'
import type { Probes } from './probes.ts'

/** Prometheus' text, and what it is called. */
export interface Exposition {
  text(): Promise<string>
  readonly contentType: string
}

/** Health and metrics, without credentials: they hold nothing secret. */
export function opsHandler(probes: Probes, metrics: Exposition): Handler {
  return (request) => probes(request) ?? scrape(request, metrics) ?? Promise.resolve(notFound())
}

/** The Track API, and beside it health and metrics where that is wanted. */
export function intakeHandler(
  relay: Relay,
  ops: { readonly probes: Probes; readonly metrics: Exposition } | null,
): Handler {
  if (ops === null) return (request, arrival) => relay.fetch(request, arrival)
  return (request, arrival) => {
    // Nearly all; they are spared a look into their URL.
    if (arrival.target.startsWith('/api/')) return relay.fetch(request, arrival)
    return ops.probes(request) ?? scrape(request, ops.metrics) ?? relay.fetch(request, arrival)
  }
}

function scrape(request: Request, metrics: Exposition): Promise<Response> | undefined {
  if (new URL(request.url).pathname !== '/metrics') return undefined
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return Promise.resolve(new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } }))
  }
  const headers = { 'content-type': metrics.contentType, 'cache-control': 'no-store' }
  return metrics.text().then((text) => new Response(request.method === 'HEAD' ? null : text, { headers }))
}

function notFound(): Response {
  return new Response('{"error":"there is /livez, /readyz, /startupz, /healthz and /metrics"}\n', {
    status: 404,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  })
}
