/** A configuration from texts, without a disk: what tests say, and what comes of it. */
import { loadConfig } from '../../src/config/load.ts'
import { ConfigError, type ConfigProblem, type LoadedConfig } from '../../src/config/index.ts'
import type { ReadFile } from '../../src/config/files.ts'

export interface GivenSources {
  readonly yaml?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly flags?: Readonly<Record<string, unknown>>
  /** By absolute path. */
  readonly files?: Readonly<Record<string, string>>
  readonly worldReadable?: boolean
}

/** The file is `/etc/holdfast/relay.yaml`, the working directory `/srv`. */
export function load({ yaml, env = {}, flags = {}, files = {}, worldReadable = false }: GivenSources): LoadedConfig {
  const all: Readonly<Record<string, string>> =
    yaml === undefined ? files : { ...files, '/etc/holdfast/relay.yaml': yaml }
  const readFile: ReadFile = (path) =>
    all[path] === undefined ? { unreadable: 'there is no such file' } : { text: all[path], worldReadable }
  const file = yaml === undefined ? undefined : '/etc/holdfast/relay.yaml'
  return loadConfig({ file, env, flags, cwd: '/srv', readFile })
}

export function problems(sources: GivenSources): readonly ConfigProblem[] {
  try {
    load(sources)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

/** Each as one line: `3:9 listen.port: found ...`; with its hint, if it has one, behind an arrow. */
export function lines(sources: GivenSources): string[] {
  return problems(sources).map(({ where, path, message, hint }) => {
    const place = (where ?? '-').replace('/etc/holdfast/relay.yaml:', '')
    return `${place} ${path === '' ? '' : `${path}: `}${message}${hint === undefined ? '' : ` -> ${hint}`}`
  })
}

/** Enough for a relay. */
export const SHOP = `workspaces:
  shop:
    siteId: site
    apiKey: key
`
