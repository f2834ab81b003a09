/** What does not go together in the settings of an outbox. */
import type { GivenAt } from './assemble.ts'
import { isShared, KINDS_OF, storeOf } from './outbox-kinds.ts'
import type { ConfigProblem } from './problem.ts'
import { OUTBOX_KINDS, type OutboxConfig, type OutboxKind, type RelayConfig } from './relay-config.ts'
import { workspaceEnvName } from './rows.ts'

const SCHEMES: Readonly<Record<OutboxKind, readonly string[]>> = {
  sqlite: [],
  bullmq: ['redis:', 'rediss:'],
  postgres: ['postgres:', 'postgresql:'],
}

export interface OutboxDraft {
  readonly draft: RelayConfig
  readonly isSound: (path: string) => boolean
  /** What was given that is not `null`; by this very path, not by `defaults`. */
  readonly givenAt: (path: string) => GivenAt | null
}

export function outboxChecks(context: OutboxDraft): readonly ConfigProblem[] {
  const names = Object.keys(context.draft.workspaces).filter((name) => isKindSound(name, context))
  return [
    ...names.flatMap((name) => workspaceChecks(name, context)),
    ...foreignDefaults(names, context),
    ...sameStores(names, context),
  ]
}

function isKindSound(name: string, { isSound }: OutboxDraft): boolean {
  return isSound(`workspaces.${name}.outbox.kind`) && isSound('defaults.outbox.kind')
}

function workspaceChecks(name: string, context: OutboxDraft): readonly ConfigProblem[] {
  const { outbox } = context.draft.workspaces[name]!
  const path = `workspaces.${name}.outbox`
  return [
    ...foreignKeys(path, outbox.kind, context),
    ...urlOf(name, path, outbox, context),
    ...durabilityOf(path, outbox, context),
    ...deliverAfterOf(path, outbox, context),
  ]
}

function foreignKeys(path: string, kind: OutboxKind, { givenAt }: OutboxDraft): ConfigProblem[] {
  return Object.entries(KINDS_OF).flatMap(([key, kinds]) => {
    const given = givenAt(`${path}.${key}`)
    return given === null || kinds.includes(kind)
      ? []
      : [foreign(`${path}.${key}`, kinds, `${path}.kind is ${kind}`, given)]
  })
}

/** Under `defaults` stands what some workspaces take and others do not; what none takes is a mistake. */
function foreignDefaults(names: readonly string[], { draft, givenAt }: OutboxDraft): ConfigProblem[] {
  const present = new Set(names.map((name) => draft.workspaces[name]!.outbox.kind))
  if (present.size === 0) return []
  return Object.entries(KINDS_OF).flatMap(([key, kinds]) => {
    const path = `defaults.outbox.${key}`
    const given = givenAt(path)
    if (given === null || kinds.some((kind) => present.has(kind))) return []
    return [foreign(path, kinds, 'no workspace is of such a kind', given)]
  })
}

function foreign(path: string, kinds: readonly OutboxKind[], why: string, { where }: GivenAt): ConfigProblem {
  const message = `holds for outbox.kind ${kinds.join(' and ')} alone, and ${why}`
  return { code: 'conflict', path, message, where }
}

function urlOf(name: string, path: string, { kind, url }: OutboxConfig, context: OutboxDraft): ConfigProblem[] {
  const at = `${path}.url`
  if (!isShared(kind) || !context.isSound(at) || !context.isSound('defaults.outbox.url')) return []
  if (url === null) {
    const long = workspaceEnvName(name, 'outbox.url')
    const hint = `give outbox.urlFile, or set ${long} or ${long}_FILE`
    const where = (context.givenAt(`${path}.kind`) ?? context.givenAt('defaults.outbox.kind'))?.where ?? null
    return [
      { code: 'missing', path: at, message: `is missing: an outbox of the kind ${kind} is on a server`, where, hint },
    ]
  }
  const parsed = URL.parse(url)
  const allowed = SCHEMES[kind]
  if (parsed !== null && allowed.includes(parsed.protocol)) return []
  const where = (context.givenAt(at) ?? context.givenAt('defaults.outbox.url'))?.where ?? null
  const other = OUTBOX_KINDS.find((one) => parsed !== null && SCHEMES[one].includes(parsed.protocol))
  const hint = other === undefined ? {} : { hint: `this is the URL of a server for the kind ${other}` }
  const message = `must be a URL that begins with ${allowed.map((scheme) => `${scheme}//`).join(' or ')} for the kind ${kind}`
  return [{ code: 'conflict', path: at, message, where, ...hint }]
}

function durabilityOf(path: string, { kind }: OutboxConfig, { givenAt }: OutboxDraft): ConfigProblem[] {
  const at = `${path}.durability`
  const given = givenAt(at)
  if (!isShared(kind) || given?.value !== 'os') return []
  const message = `os holds for outbox.kind sqlite alone: what a server keeps through a loss of power is said there`
  return [{ code: 'conflict', path: at, message, where: given.where }]
}

function deliverAfterOf(path: string, { kind, spill }: OutboxConfig, context: OutboxDraft): ConfigProblem[] {
  const at = `${path}.spill.deliverAfter`
  const given = context.givenAt(at)
  if (kind !== 'bullmq' || given === null || spill.onOutage === 'deliver') return []
  if (!context.isSound(`${path}.spill.onOutage`) || !context.isSound('defaults.outbox.spill.onOutage')) return []
  const message = `holds for outbox.spill.onOutage deliver alone`
  return [{ code: 'conflict', path: at, message, where: given.where }]
}

/** A store belongs to one workspace, on whatever way two of them come to it. */
function sameStores(names: readonly string[], { draft, givenAt, isSound }: OutboxDraft): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const owners = new Map<string, string>()
  const spills = new Map<string, string>()
  for (const name of names) {
    const { outbox, siteId } = draft.workspaces[name]!
    const path = `workspaces.${name}.outbox`
    if (!isShared(outbox.kind) || outbox.url === null || !isSound(`${path}.url`)) continue
    const key = outbox.kind === 'bullmq' ? 'prefix' : 'schema'
    const where =
      (givenAt(`${path}.${key}`) ?? givenAt(`${path}.kind`) ?? givenAt('defaults.outbox.kind'))?.where ?? null
    // In Redis each site has keys of its own below the prefix; in Postgres a schema is that of one.
    const store = outbox.kind === 'bullmq' ? `${siteId} ${storeOf(outbox)}` : storeOf(outbox)
    const owner = owners.get(store)
    owners.set(store, owner ?? name)
    if (owner !== undefined) {
      const message = `the same store as that of workspaces.${owner}; each workspace needs one of its own`
      problems.push({ code: 'conflict', path: `${path}.${key}`, message, where, hint: `give each another ${key}` })
    }
    if (outbox.spill.path === null) continue
    const spilling = spills.get(outbox.spill.path)
    spills.set(outbox.spill.path, spilling ?? name)
    if (spilling === undefined) continue
    const message = `the same file as that of workspaces.${spilling}; each workspace needs one of its own`
    problems.push({ code: 'conflict', path: `${path}.spill.path`, message, where })
  }
  return problems
}
