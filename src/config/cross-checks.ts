/** What no value can be blamed for alone: settings that do not go together. */
import { type OutboxDraft, outboxChecks } from './outbox-checks.ts'
import type { ConfigProblem } from './problem.ts'
import type { Origin } from './relay-config.ts'
import { nearest } from './suggest.ts'

interface Draft extends OutboxDraft {
  readonly origins: Readonly<Record<string, Origin>>
}

export function crossChecks(context: Draft): readonly ConfigProblem[] {
  return [remote, ports, clientCertificates, workspacesExist, defaultWorkspace, inbound, outboxChecks].flatMap(
    (check) => check(context),
  )
}

/** Only this machine can reach such an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host) || /^::ffff:127\./i.test(host)
}

function remote({ draft: { listen }, origins, isSound }: Draft): ConfigProblem[] {
  if (!isSound('listen.host') || !isSound('listen.allowRemote')) return []
  if (isLoopback(listen.host) || listen.allowRemote) return []
  return [
    {
      code: 'conflict',
      path: 'listen.host',
      message: `other machines could reach ${listen.host}, and listen.allowRemote is false`,
      where: whereOf(origins, 'listen.host'),
      hint: 'set listen.allowRemote to true if that is meant, and give listen.tls where the network is not trusted',
    },
  ]
}

function ports({ draft, origins, isSound }: Draft): ConfigProblem[] {
  const used: (readonly [string, number])[] = [['listen.port', draft.listen.port]]
  if (draft.admin.enabled) used.push(['admin.port', draft.admin.port])
  if (draft.ops !== null) used.push(['ops.port', draft.ops.port])
  const sound = used.filter(([path, port]) => port !== 0 && isSound(path))
  return sound.flatMap(([path, port], index) => {
    const earlier = sound.slice(0, index).find(([, other]) => other === port)
    if (earlier === undefined) return []
    const message = `the port ${port} is that of ${earlier[0]} already`
    return [{ code: 'conflict', path, message, where: whereOf(origins, path) } as const]
  })
}

function clientCertificates({ draft, origins, isSound }: Draft): ConfigProblem[] {
  const { tls } = draft.listen
  if (tls === null || !tls.requireClientCert || tls.caFile !== null) return []
  if (!isSound('listen.tls.caFile') || !isSound('listen.tls.requireClientCert')) return []
  const path = 'listen.tls.requireClientCert'
  const message = 'without listen.tls.caFile no client certificate is trusted, so nobody could connect'
  return [{ code: 'conflict', path, message, where: whereOf(origins, path) }]
}

function workspacesExist({ draft, isSound }: Draft): ConfigProblem[] {
  if (Object.keys(draft.workspaces).length > 0 || !isSound('workspaces')) return []
  const hint = 'set HOLDFAST_SITE_ID and HOLDFAST_API_KEY, or write workspaces into a configuration file'
  return [{ code: 'missing', path: 'workspaces', message: 'there must be at least one', where: null, hint }]
}

function defaultWorkspace({ draft, origins, isSound }: Draft): ConfigProblem[] {
  const name = draft.defaultWorkspace
  if (name === null || Object.hasOwn(draft.workspaces, name) || !isSound('workspaces')) return []
  const near = nearest(name, Object.keys(draft.workspaces))
  const problem = {
    code: 'conflict',
    path: 'defaultWorkspace',
    message: `there is no workspace ${name}`,
    where: whereOf(origins, 'defaultWorkspace'),
  } as const
  return [near === null ? problem : { ...problem, hint: `did you mean ${near}?` }]
}

/** Whose request is it? */
function inbound({ draft, origins, isSound }: Draft): ConfigProblem[] {
  const owners = new Map<string, string>()
  const problems: ConfigProblem[] = []
  for (const [name, workspace] of Object.entries(draft.workspaces)) {
    for (const [index, { siteId, apiKey }] of workspace.inbound.entries()) {
      const isOwn = origins[`workspaces.${name}.inbound`]?.source === 'default'
      const path = isOwn ? `workspaces.${name}` : `workspaces.${name}.inbound[${index}]`
      if (!isSound(`${path}.siteId`) || !isSound(`${path}.apiKey`)) continue
      const pair = JSON.stringify([siteId, apiKey])
      const owner = owners.get(pair)
      owners.set(pair, owner ?? path)
      if (owner === undefined) continue
      const message = `the same inbound credentials as ${owner}, so it is not clear whose a request is`
      problems.push({ code: 'conflict', path, message, where: whereOf(origins, `${path}.siteId`) })
    }
  }
  return problems
}

function whereOf(origins: Draft['origins'], path: string): string | null {
  return origins[path]?.where ?? null
}
