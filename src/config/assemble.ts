/** From what is given, and the defaults for the rest, to one configuration in which each value knows its origin. */
import { resolve } from 'node:path'

import type { Combined } from './combine.ts'
import type { ReadFile } from './files.ts'
import type { Given } from './layer.ts'
import { ofItsKind } from './outbox-kinds.ts'
import type { ConfigProblem } from './problem.ts'
import type { Credentials, Origin, RelayConfig, WorkspaceConfig } from './relay-config.ts'
import { anyShape, workspaceEnvName } from './rows.ts'
import type { AnyEntry, AnyShape, Setting } from './setting.ts'
import { relaySettings, workspaceSettings } from './settings.ts'
import { readSecret } from './secret-file.ts'

export interface Assembled {
  /** Where something was wrong or missing, a value stands that is allowed but means nothing. */
  readonly draft: RelayConfig
  readonly origins: Readonly<Record<string, Origin>>
  readonly problems: readonly ConfigProblem[]
  readonly warnings: readonly string[]
  /** The value at this path means something. */
  readonly isSound: (path: string) => boolean
  /** What was given under this very path, where that is not `null`; `null`: nothing. */
  readonly givenAt: (path: string) => GivenAt | null
}

export interface GivenAt {
  readonly where: string
  /** Undefined where it stands in a secret's file. */
  readonly value: unknown
}

export interface Surroundings {
  readonly folder: string
  readonly readFile: ReadFile
  /** Of `CIO_REGION`: what holds if nothing of ours says another. */
  readonly region: Extract<Given, { is: 'value' }> | null
}

export function assemble(combined: Combined, surroundings: Surroundings): Assembled {
  const assembly = new Assembly(combined, surroundings)
  const relay = assembly.fields('', anyShape(relaySettings)) as Omit<RelayConfig, 'workspaces'>
  const workspaces = Object.fromEntries(
    [...combined.workspaces.keys()].map((name) => [name, assembly.workspace(name)] as const),
  )
  const { origins, problems, warnings, isSound } = assembly
  const givenAt = (path: string): GivenAt | null => {
    const given = combined.given.get(path)
    if (given === undefined) return null
    const value = given.is === 'value' ? given.value : undefined
    return value === null ? null : { where: given.origin.where, value }
  }
  return { draft: { ...relay, workspaces }, origins, problems, warnings: [...warnings], isSound, givenAt }
}

class Assembly {
  readonly origins: Record<string, Origin> = {}
  readonly problems: ConfigProblem[] = []
  readonly warnings: Set<string> = new Set()
  readonly #unsound: Set<string> = new Set()
  readonly #combined: Combined
  readonly #surroundings: Surroundings

  constructor(combined: Combined, surroundings: Surroundings) {
    this.#combined = combined
    this.#surroundings = surroundings
    for (const [path, given] of combined.given) if (given.is === 'wrong') this.#unsound.add(path)
  }

  readonly isSound = (path: string): boolean => {
    for (let part = path; ; part = part.replace(/(?:\.|\[)[^.[]*$|^[^.[]*$/, '')) {
      if (this.#unsound.has(part)) return false
      if (part === '') return true
    }
  }

  workspace(name: string): WorkspaceConfig {
    const path = `workspaces.${name}`
    const all = this.fields(path, anyShape(workspaceSettings)) as unknown as WorkspaceConfig
    const fields = { ...all, outbox: ofItsKind(all.outbox) }
    if (fields.inbound.length > 0) return fields
    this.origins[`${path}.inbound`] = { source: 'default', where: `the credentials of ${path}` }
    return { ...fields, inbound: [{ siteId: fields.siteId, apiKey: fields.apiKey }] }
  }

  fields(path: string, shape: AnyShape): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    for (const [name, entry] of Object.entries(shape)) {
      const isTime = entry.is === 'setting' && entry.kind === 'duration'
      values[isTime ? `${name}Ms` : name] = this.#entry(path === '' ? name : `${path}.${name}`, entry)
    }
    return values
  }

  #entry(path: string, entry: AnyEntry): unknown {
    if (entry.is === 'setting') return this.#value(path, entry)
    if (entry.is === 'list') return this.#items(path, entry.fields)
    if (entry.optional && !this.#isBegun(path)) {
      this.origins[path] = DEFAULT
      return null
    }
    return this.fields(path, entry.fields)
  }

  #items(path: string, shape: AnyShape): readonly Credentials[] {
    const given = this.#combined.given.get(path)
    if (given?.is !== 'value') return []
    this.origins[path] = given.origin
    const count = given.value as number
    return Array.from(
      { length: count },
      (_, index) => this.fields(`${path}[${index}]`, shape) as unknown as Credentials,
    )
  }

  #isBegun(path: string): boolean {
    return [...this.#combined.given.keys()].some((given) => given.startsWith(`${path}.`))
  }

  #value(path: string, setting: Setting): unknown {
    if (!this.isSound(path)) return placeholder(setting)
    const shared = path.replace(/^workspaces\.[^.]+/, 'defaults')
    const given =
      this.#combined.given.get(path) ?? (this.isSound(shared) ? this.#combined.given.get(shared) : undefined)
    if (given === undefined) return this.#initial(path, setting)
    if (given.is === 'secret-file') return this.#secret(path, setting, given)
    this.origins[path] = given.origin
    return given.is === 'value' ? given.value : placeholder(setting)
  }

  #initial(path: string, setting: Setting): unknown {
    const { region, folder } = this.#surroundings
    if (region !== null && path.startsWith('workspaces.') && path.endsWith('.region')) {
      this.origins[path] = region.origin
      return region.value
    }
    this.origins[path] = DEFAULT
    if (setting.initial === undefined) {
      this.#unsound.add(path)
      this.problems.push(this.#missing(path))
      return placeholder(setting)
    }
    const value = setting.schema.parse(setting.initial)
    return setting.kind === 'path' && typeof value === 'string' ? resolve(folder, value) : value
  }

  #secret(path: string, setting: Setting, given: Extract<Given, { is: 'secret-file' }>): unknown {
    const read = readSecret(setting, given.file, this.#surroundings.readFile)
    if ('problem' in read) {
      this.#unsound.add(path)
      this.problems.push({ ...read.problem, path: `${path}File`, where: given.origin.where })
      return placeholder(setting)
    }
    if (read.warning !== null) this.warnings.add(read.warning)
    this.origins[path] = { source: 'secret-file', where: given.file }
    return read.value
  }

  #missing(path: string): ConfigProblem {
    const [, name, inside] = /^workspaces\.([^.]+)\.(\w+)$/.exec(path) ?? []
    const message = 'is missing'
    const where = (name === undefined ? undefined : this.#combined.workspaces.get(name)) ?? null
    if (name === undefined || inside === undefined) return { code: 'missing', path, message, where }
    const long = workspaceEnvName(name, inside)
    const names =
      this.#combined.workspaces.size > 1
        ? long
        : `HOLDFAST_${long.slice(long.indexOf(inside === 'siteId' ? 'SITE_ID' : 'API_KEY'))}`
    const hint = `write it into the file, or set ${names}${inside === 'apiKey' ? ` or ${names}_FILE` : ''}`
    return { code: 'missing', path, message, where, hint }
  }
}

const DEFAULT: Origin = { source: 'default', where: 'default' }

/** Stands where nothing sound does, until the problems are told. */
function placeholder(setting: Setting): unknown {
  return setting.initial === undefined ? '' : setting.schema.parse(setting.initial)
}
