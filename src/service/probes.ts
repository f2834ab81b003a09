/**
 * The questions that an orchestrator asks, as a fetch handler. Bodies are JSON in the words of `holdfast status`; they hold
 * nothing secret, and nothing of a person.
 *
 * - `/livez`: the process lives: it answers, and no outbox has been silent for long. 503: only a restart helps.
 * - `/startupz`: every outbox has been opened and recovered, or is on a server that is away.
 * - `/readyz`: calls can be stored now. Also while Customer.io is down: all replicas have the same Customer.io, and none
 *   is better without this one.
 * - `/healthz`: the whole in one word, with reasons; `?verbose` the tree, `?probe=active` after asking Customer.io.
 *   200 for `ok` and `degraded`, as `health().healthy` says; else 503.
 */
import type { HealthTree } from '../observe/health-tree.ts'
import type { HealthWatch } from './health-watch.ts'

/** Answers a question of a probe; undefined when it is none. Never rejects. */
export type Probes = (request: Request) => Promise<Response> | undefined

/** An outbox that has not answered for so long hangs: no disk recovers from that by itself. */
const SILENT_MS_MAX = 60_000

type Answer = (url: URL) => Promise<{ readonly status: number; readonly body: object }>

/** @example `const answer = await probes(new Request('http://relay/readyz'))` */
export function createProbes(watch: HealthWatch): Probes {
  const answers: Readonly<Record<string, Answer>> = {
    '/livez': async () => {
      const before = watch.silentMs()
      // Asks the outboxes, and waits for none of them: the next question sees whether they answered.
      void watch.tree()
      const alive = before < SILENT_MS_MAX
      return {
        status: alive ? 200 : 503,
        body: alive ? { status: 'ok' } : { status: 'failing', reasons: [SILENT] },
      }
    },
    '/startupz': async () => summary(await watch.tree(), ({ started }) => started),
    '/readyz': async () => summary(await watch.tree(), ({ ready }) => ready),
    '/healthz': async (url) => {
      const tree = url.searchParams.get('probe') === 'active' ? await watch.probedTree() : await watch.tree()
      const answer = summary(tree, ({ status }) => status === 'ok' || status === 'degraded')
      return url.searchParams.has('verbose')
        ? { ...answer, body: { ...answer.body, components: tree.components } }
        : answer
    },
  }
  return (request) => {
    const url = new URL(request.url)
    const answer = Object.hasOwn(answers, url.pathname) ? answers[url.pathname] : undefined
    if (answer === undefined) return undefined
    if (request.method !== 'GET' && request.method !== 'HEAD') return Promise.resolve(wrongMethod())
    return answer(url).then(({ status, body }) =>
      json(status, request.method === 'HEAD' ? null : `${JSON.stringify(body)}\n`),
    )
  }
}

const SILENT = { code: 'no-answer', message: `an outbox has not answered for ${SILENT_MS_MAX / 1_000} s` } as const

function summary(
  tree: HealthTree,
  isGood: (tree: HealthTree) => boolean,
): { readonly status: number; readonly body: object } {
  const { status, sinceMs, reasons, ready, started } = tree
  return { status: isGood(tree) ? 200 : 503, body: { status, sinceMs, ready, started, reasons } }
}

function wrongMethod(): Response {
  return new Response(null, { status: 405, headers: { allow: 'GET, HEAD', 'cache-control': 'no-store' } })
}

function json(status: number, body: string | null): Response {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }
  return new Response(body, { status, headers })
}
