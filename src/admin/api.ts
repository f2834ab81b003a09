/**
 * The admin API of a relay: a fetch function for a listener on loopback. Every answer is JSON and is stored by nobody;
 * every error has a stable code. `contract.ts` has what is asked and answered.
 */
import { Hono } from 'hono'

import { isHoldfastError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { AdminError } from './admin-error.ts'
import { createChronicle } from './chronicle.ts'
import { type About, type AuditEntry, DRAIN_MS_MAX } from './contract.ts'
import { createDesk, unknownWorkspace } from './desk.ts'
import { createEventFeed } from './event-feed.ts'
import { admit } from './guard.ts'
import { applyPauses } from './pauses.ts'
import type { AdminRelay, AdminWorkspace } from './relay.ts'
import {
  bodyOf,
  deadAskOf,
  queryOf,
  queueAskOf,
  reasonOf,
  resolveCommandOf,
  text,
  whole,
  purgeCommandOf,
} from './request-fields.ts'
import { statusOf } from './status.ts'
import { checkToken } from './token.ts'

export interface AdminContext {
  /** Whoever knows it may do everything. See `ensureToken`. */
  readonly token: string
  readonly relay: AdminRelay
  /** Where pauses are kept. */
  readonly dataDir: string
  /** Whether the outbox of a workspace is on a server: pausing it is for all processes then. @defaultValue none is */
  readonly isShared?: (workspace: string) => boolean
  readonly version: string
  /** Wall time. */
  readonly startedAtMs: number
  readonly runtime: Pick<Runtime, 'clock'>
  /** The configuration in use, without its secrets. */
  readonly config?: () => unknown
  /** Reads the configuration anew. What it resolves to is the answer; what it throws keeps the old one. */
  readonly reload?: () => Promise<unknown>
  /** Told of every act; for the log. Must not throw. */
  readonly audit?: (entry: AuditEntry) => void
  /** Told of what broke inside, of which the answer says nothing; for the log. Must not throw. */
  readonly failed?: (error: unknown) => void
}

/** One token, so one name; accounts of people come with the operator page. */
const WHO = 'admin'

export interface Admin {
  /** Never rejects. */
  fetch(request: Request): Promise<Response>
  /** Ends the streams of events, so that their connections can end. */
  close(): void
}

/**
 * Makes the admin API of a relay. Listens nowhere itself.
 * @throws OptionsError when the token is too short
 * @example
 * ```ts
 * const admin = createAdmin({ token: ensureToken(dataDir), relay, dataDir, version, startedAtMs, runtime })
 * const response = await admin.fetch(new Request('http://127.0.0.1:8485/admin/v1/status', { headers }))
 * ```
 */
export function createAdmin(context: AdminContext): Admin {
  checkToken(context.token)
  const { relay, dataDir, runtime } = context
  const feed = createEventFeed(runtime.clock)
  const chronicle = createChronicle(runtime.clock)
  const unsubscribe = relay.on((event) => {
    chronicle.note(event)
    // Clients that a new configuration brought know nothing of a pause.
    if (event.type === 'workspaces') applyPauses(dataDir, relay.workspaces)
    if (event.type === 'workspace') feed.publish(event.workspace, event.event)
    else feed.publish(event.type === 'answered' ? event.workspace : null, event)
  })
  const audit = (entry: AuditEntry): void => {
    feed.publish(entry.workspace, entry)
    context.audit?.(entry)
  }
  const app = routes({ context, feed, chronicle, audit })
  return {
    async fetch(request) {
      const response = await Promise.resolve(app.fetch(request)).catch((error: unknown) =>
        errorAnswer(asAdminError(error, context)),
      )
      response.headers.set('cache-control', 'no-store')
      response.headers.set('x-content-type-options', 'nosniff')
      return response
    },
    close() {
      unsubscribe()
      feed.close()
    },
  }
}

interface Parts {
  readonly context: AdminContext
  readonly feed: ReturnType<typeof createEventFeed>
  readonly chronicle: ReturnType<typeof createChronicle>
  readonly audit: (entry: AuditEntry) => void
}

type On = (method: 'GET' | 'POST', path: string, handler: (request: Request, workspace: string) => unknown) => void

function routes(parts: Parts): Hono {
  const app = new Hono()
  app.use(async (c, next) => {
    admit(c.req.raw, parts.context.token)
    await next()
  })
  const on: On = (method, path, handler) => {
    app.on(method, `/admin/v1${path}`, async (c) => {
      const answer = await handler(c.req.raw, c.req.param('name') ?? '')
      return answer instanceof Response ? answer : Response.json(answer ?? null)
    })
    app.all(`/admin/v1${path}`, () => {
      throw new AdminError('method-not-allowed', `only ${method} is known here`)
    })
  }
  relayRoutes(on, parts)
  workspaceRoutes(on, parts)
  app.notFound(() => errorAnswer(new AdminError('unknown-route', 'there is nothing here')))
  app.onError((error) => errorAnswer(asAdminError(error, parts.context)))
  return app
}

function relayRoutes(on: On, { context, feed, chronicle, audit }: Parts): void {
  const { relay, dataDir, version, startedAtMs, config, reload } = context
  const { clock } = context.runtime
  on('GET', '/about', (): About => ({ version, phase: relay.phase, workspaces: [...relay.workspaces.keys()] }))
  on('GET', '/status', () =>
    statusOf({ workspaces: relay.workspaces, phase: relay.phase, chronicle, dataDir, version, startedAtMs, clock }),
  )
  on('GET', '/events', (request) => {
    const fields = queryOf(request, ['workspace', 'type'])
    const workspace = text(fields, 'workspace')
    const types = text(fields, 'type')?.split(',')
    const filter = { ...(workspace === undefined ? {} : { workspace }), ...(types === undefined ? {} : { types }) }
    const isSse = request.headers.get('accept')?.includes('text/event-stream') === true
    const stream = feed.read(filter, isSse ? 'sse' : 'lines')
    return new Response(stream, { headers: { 'content-type': isSse ? 'text/event-stream' : 'application/x-ndjson' } })
  })
  on('GET', '/config', () => {
    if (config === undefined) throw new AdminError('not-supported', 'this relay has no configuration to show')
    return config()
  })
  on('POST', '/reload', async (request) => {
    const reason = reasonOf(await bodyOf(request, ['reason']))
    if (reload === undefined) throw new AdminError('not-supported', 'this relay cannot reload')
    const answer = await reload().catch((error: unknown) => {
      throw new AdminError('reload-refused', error instanceof Error ? error.message : 'the configuration was refused')
    })
    audit({ type: 'audit', act: 'reload', workspace: null, who: WHO, reason, count: null })
    return answer
  })
}

function workspaceRoutes(on: On, { context, audit }: Parts): void {
  const { relay, dataDir, runtime, isShared = () => false } = context
  const workspaces = (): AdminRelay['workspaces'] => relay.workspaces
  const desk = createDesk({ workspaces, dataDir, isShared, who: WHO, clock: runtime.clock, audit })
  const workspaceOf = (name: string): AdminWorkspace => {
    const workspace = workspaces().get(name)
    if (workspace === undefined) throw unknownWorkspace(name, [...workspaces().keys()])
    return workspace
  }
  on('GET', '/workspaces/:name/queue', (request, name) => desk.queue(name, queueAskOf(request)))
  on('GET', '/workspaces/:name/dead', (request, name) => desk.dead(name, deadAskOf(request)))
  on('GET', '/workspaces/:name/dead/groups', (_request, name) => desk.deadGroups(name))
  for (const how of ['replay', 'drop'] as const) {
    on('POST', `/workspaces/:name/dead/${how}`, async (request, name) =>
      desk.resolveDead(name, how, await resolveCommandOf(request)),
    )
  }
  on('POST', '/workspaces/:name/purge', async (request, name) => desk.purge(name, await purgeCommandOf(request)))
  for (const act of ['pause', 'resume'] as const) {
    on('POST', `/workspaces/:name/${act}`, async (request, name) =>
      desk[act](name, reasonOf(await bodyOf(request, ['reason']))),
    )
  }
  on('POST', '/workspaces/:name/drain', async (request, name) => {
    const timeoutMs = whole(await bodyOf(request, ['timeoutMs']), 'timeoutMs', 0, DRAIN_MS_MAX) ?? DRAIN_MS_MAX
    return workspaceOf(name).drain({ timeoutMs })
  })
  on('POST', '/workspaces/:name/probe', async (_request, name) => {
    const { probe } = await workspaceOf(name).health({ probe: 'active' })
    return probe
  })
}

function errorAnswer(error: AdminError): Response {
  const { code, message, field } = error
  const headers = code === 'unauthorized' ? { 'www-authenticate': 'Bearer realm="holdfast"' } : {}
  return Response.json(
    { error: { code, message, ...(field === undefined ? {} : { field }) } },
    { status: error.status, headers },
  )
}

function asAdminError(error: unknown, { failed }: AdminContext): AdminError {
  if (error instanceof AdminError) return error
  if (isHoldfastError(error)) return new AdminError('unavailable', `${error.code}: ${error.message}`, { cause: error })
  failed?.(error)
  return new AdminError('failed', 'something failed; the relay goes on', { cause: error })
}
