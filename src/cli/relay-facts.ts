/**
 * What a command must know of a relay, each fact from the first source that says it: flag, environment, configuration file,
 * default. A configuration holds what the environment says already; only the two addresses that it does not know are asked
 * for besides.
 */
import { join, resolve } from 'node:path'

import type { StoreOfWorkspace } from '../admin/stopped-store.ts'
import { TOKEN_FILE } from '../admin/token.ts'
import { type Credentials, loadConfig, type ListenConfig, type RelayConfig, toClientOptions } from '../config/index.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'
import { configFileOf, orConfigExit } from './read-config.ts'

export interface FactFlags {
  readonly dataDir?: string | undefined
  readonly adminUrl?: string | undefined
  readonly tokenFile?: string | undefined
  readonly intakeUrl?: string | undefined
  readonly workspace?: string | undefined
  readonly siteId?: string | undefined
  readonly apiKeyFile?: string | undefined
}

/** A secret, or where it stands. */
export type SecretPlace = { readonly text: string } | { readonly file: string }

export interface RelayFacts {
  /** Absolute. */
  readonly dataDir: string
  /** `null`: the configuration leaves it open, by port 0 or without an admin API. */
  readonly adminUrl: string | null
  /** `isMade`: the file that a relay makes itself, which may be missing. */
  readonly token: SecretPlace & { readonly isMade?: true }
  /** Where applications send to. `null`: the configuration leaves it open, by port 0. */
  readonly intakeUrl: string | null
  /** The named one, or the only one of the configuration. */
  readonly workspace: string | null
  /** All of the configuration. */
  readonly workspaces: readonly string[]
  /** What a caller of the relay shows. */
  readonly siteId: string | null
  readonly apiKey: SecretPlace | null
  /** Whose outbox it is: of the site that is delivered to. */
  readonly outboxSiteId: string | null
  /** Workspaces whose outbox is on a server. */
  readonly stores: readonly StoreOfWorkspace[]
}

export const DEFAULTS: { readonly dataDir: string; readonly adminPort: string; readonly intakePort: string } =
  Object.freeze({ dataDir: 'holdfast-data', adminPort: '8485', intakePort: '8484' })

/** For help: where a fact comes from that no flag says. */
export const URL_SOURCES: string = `HOLDFAST_URL, that in --config, else http://127.0.0.1:${DEFAULTS.intakePort}`
export const SITE_ID_SOURCES = 'HOLDFAST_SITE_ID, or that in --config'
export const API_KEY_SOURCES = 'HOLDFAST_API_KEY, HOLDFAST_API_KEY_FILE, or that in --config'

/** @throws CliError when the configuration cannot be used (78), or knows no such workspace */
export function relayFactsOf(
  io: Pick<Io, 'env' | 'cwd'>,
  options: { readonly config?: string },
  flags: FactFlags,
): RelayFacts {
  const { env, cwd } = io
  const file = configFileOf(io, options)
  const isConfigured = file !== undefined || saysOutbox(env)
  const config = isConfigured ? orConfigExit(() => loadConfig({ file, env, flags: {}, cwd }).config) : null
  return relayFacts(flags, io, config)
}

/** Without a file a relay has one outbox, in its folder, unless the environment says what else keeps it. */
export function saysOutbox(env: Io['env']): boolean {
  return Object.entries(env).some(([name, value]) => /^HOLDFAST_\w+_OUTBOX_KIND$/.test(name) && value !== '')
}

function storesOf({ workspaces }: RelayConfig, dataDir: string): readonly StoreOfWorkspace[] {
  return Object.entries(workspaces).flatMap(([name, workspace]) => {
    const { outbox } = toClientOptions(workspace, dataDir, name)
    return outbox.kind === 'sqlite' ? [] : [{ name, siteId: workspace.siteId, outbox }]
  })
}

/** @param config null where none is named */
export function relayFacts(
  flags: FactFlags,
  { env, cwd }: Pick<Io, 'env' | 'cwd'>,
  config: RelayConfig | null,
): RelayFacts {
  const said = (name: string): string | undefined => (env[name] === '' ? undefined : env[name])
  const dataDir = resolve(cwd, flags.dataDir ?? config?.dataDir ?? said('HOLDFAST_DATA_DIR') ?? DEFAULTS.dataDir)
  const adminPort = said('HOLDFAST_ADMIN_PORT') ?? DEFAULTS.adminPort
  const common = {
    dataDir,
    adminUrl:
      flags.adminUrl ??
      said('HOLDFAST_ADMIN_URL') ??
      (config === null ? `http://127.0.0.1:${adminPort}` : adminUrlOf(config)),
    intakeUrl:
      flags.intakeUrl ??
      said('HOLDFAST_URL') ??
      (config === null ? `http://127.0.0.1:${DEFAULTS.intakePort}` : intakeUrlOf(config.listen)),
  }
  const made = { file: join(dataDir, TOKEN_FILE), isMade: true } as const
  const tokenFile = flags.tokenFile === undefined ? undefined : { file: resolve(cwd, flags.tokenFile) }
  const keyFile = flags.apiKeyFile === undefined ? undefined : { file: resolve(cwd, flags.apiKeyFile) }
  if (config === null) {
    const siteId = flags.siteId ?? said('HOLDFAST_SITE_ID') ?? null
    return {
      ...common,
      token: tokenFile ?? secretOf('HOLDFAST_ADMIN_TOKEN', said, cwd, 'text') ?? made,
      workspace: flags.workspace ?? null,
      workspaces: [],
      siteId,
      apiKey: keyFile ?? secretOf('HOLDFAST_API_KEY', said, cwd, 'file'),
      outboxSiteId: siteId,
      stores: [],
    }
  }
  const { admin, workspaces } = config
  const workspace = workspaceOf(flags.workspace, Object.keys(workspaces))
  const pair = pairOf(config, workspace, flags.siteId)
  return {
    ...common,
    token: tokenFile ?? (admin.token === null ? made : { text: admin.token }),
    workspace,
    workspaces: Object.keys(workspaces),
    siteId: flags.siteId ?? pair?.siteId ?? null,
    apiKey: keyFile ?? (pair === undefined ? null : { text: pair.apiKey }),
    outboxSiteId: flags.siteId ?? (workspace === null ? null : workspaces[workspace]!.siteId),
    stores: storesOf(config, dataDir),
  }
}

/** @param first which of the two counts where both are set */
function secretOf(
  name: string,
  said: (name: string) => string | undefined,
  cwd: string,
  first: 'text' | 'file',
): SecretPlace | null {
  const value = said(name)
  const path = said(`${name}_FILE`)
  const text = value === undefined ? null : { text: value.trim() }
  const file = path === undefined ? null : { file: resolve(cwd, path) }
  return first === 'text' ? (text ?? file) : (file ?? text)
}

function adminUrlOf({ admin }: RelayConfig): string | null {
  return admin.enabled && admin.port !== 0 ? `http://127.0.0.1:${admin.port}` : null
}

/** Addresses that mean every one of the machine are reached at its loopback one. */
const REACHED_AT: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

function intakeUrlOf({ host, port, tls }: ListenConfig): string | null {
  if (port === 0) return null
  const reached = REACHED_AT[host] ?? host
  return `${tls === null ? 'http' : 'https'}://${reached.includes(':') ? `[${reached}]` : reached}:${port}`
}

function workspaceOf(named: string | undefined, names: readonly string[]): string | null {
  if (named === undefined) return names.length === 1 ? names[0]! : null
  if (names.includes(named)) return named
  const message = `there is no workspace "${named}" in the configuration; there is ${names.join(', ')}`
  throw new CliError(EXIT.usage, 'unknown-workspace', message)
}

/** The first one that its applications may show; of a site that was named, that site's. */
function pairOf(config: RelayConfig, workspace: string | null, siteId: string | undefined): Credentials | undefined {
  const names = workspace === null ? Object.keys(config.workspaces) : [workspace]
  const pairs = names.flatMap((name) => config.workspaces[name]!.inbound)
  if (siteId !== undefined) return pairs.find((pair) => pair.siteId === siteId)
  return workspace === null ? undefined : pairs[0]
}
