/** The settings as a table: of each its path, its name in the environment, its flag. Documentation, flags and look-ups are made from it. */
import type { AnyEntry, AnyShape, Setting } from './setting.ts'
import { relaySettings, sharedSettings, workspaceSettings } from './settings.ts'

/**
 * `relay`: of the process. `defaults`: for every workspace. `workspace`: of one that is named; its path and its name in
 * the environment hold `<name>` and `<NAME>`. `only`: short, of the only workspace.
 */
export type Scope = 'relay' | 'defaults' | 'workspace' | 'only'

export interface SettingRow {
  readonly scope: Scope
  /** As the file writes it: `listen.port`. */
  readonly path: string
  /** `HOLDFAST_LISTEN_PORT`; `null`: in the file only. */
  readonly env: string | null
  /** `--listen-port`; `null`: none, as for secrets, which everybody can read in the list of processes. */
  readonly flag: string | null
  /** `listenPort`: what a parser of command lines calls the flag's value. */
  readonly attribute: string | null
  readonly description: string
  readonly kind: Setting['kind']
  /** In the file's notation; `undefined`: it must be given. */
  readonly default: Setting['initial']
  readonly setting: Setting
  /** The row is for the path of a file in which the secret stands. */
  readonly secretFile: boolean
}

/** Put after the name of a secret: the setting is the path of a file that holds it. */
export const FILE_SUFFIX = 'File'

const ENV_PREFIX = 'HOLDFAST_'

/** What can be said of a workspace without its name, while there is only one. */
const SHORT_NAMES: ReadonlySet<string> = new Set(['siteId', 'apiKey', 'region', 'baseUrl'])

const shortSettings: AnyShape = Object.fromEntries(
  Object.entries(anyShape(workspaceSettings)).filter(([name]) => SHORT_NAMES.has(name)),
)

/** Every row, in the order of the file. */
export const settingRows: readonly SettingRow[] = [
  ...rowsOf('relay', '', anyShape(relaySettings)),
  ...rowsOf('only', '', shortSettings),
  ...rowsOf('defaults', 'defaults', anyShape(sharedSettings)),
  ...rowsOf('workspace', 'workspaces.<name>', anyShape(workspaceSettings)),
]

/** For code that goes over settings whatever they are. */
export function anyShape(shape: object): AnyShape {
  return shape as AnyShape
}

/** `body_bytes_max` for `bodyBytesMax`, each part of a path. */
function words(path: string, between: string): string {
  return path.replaceAll(/([a-z0-9])([A-Z])/g, `$1${between}$2`).replaceAll('.', between)
}

export function envName(path: string): string {
  return ENV_PREFIX + words(path, '_').toUpperCase()
}

/** `HOLDFAST_WORKSPACES_MY_SHOP_API_KEY` for the key of `my-shop`: names have hyphens and no underscores, so both ways are clear. */
export function workspaceEnvName(workspace: string, path: string): string {
  return `${envName('workspaces')}_${workspace.toUpperCase().replaceAll('-', '_')}_${words(path, '_').toUpperCase()}`
}

function rowsOf(scope: Scope, prefix: string, shape: AnyShape): SettingRow[] {
  return Object.entries(shape).flatMap(([name, entry]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    return entryRows(scope, path, entry)
  })
}

function entryRows(scope: Scope, path: string, entry: AnyEntry): SettingRow[] {
  if (entry.is === 'section') return rowsOf(scope, path, entry.fields)
  if (entry.is === 'list') {
    return rowsOf(scope, `${path}[]`, entry.fields).map((row) => ({ ...row, env: null, flag: null, attribute: null }))
  }
  const row = rowOf(scope, path, entry)
  if (entry.kind !== 'secret') return [row]
  const file = rowOf(scope, path + FILE_SUFFIX, {
    ...entry,
    kind: 'path',
    about: `Path of a file that holds \`${path.slice(path.lastIndexOf('.') + 1)}\`.`,
    initial: null,
  })
  return [
    { ...row, flag: null, attribute: null },
    { ...file, setting: entry, secretFile: true },
  ]
}

function rowOf(scope: Scope, path: string, setting: Setting): SettingRow {
  const named = scope === 'workspace'
  const flag = named ? null : `--${words(path, '-').toLowerCase()}`
  return {
    scope,
    path,
    env: named
      ? `${ENV_PREFIX}WORKSPACES_<NAME>_${words(path.split('.').slice(2).join('.'), '_').toUpperCase()}`
      : envName(path),
    flag,
    attribute: flag === null ? null : flag.slice(2).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
    description: setting.about,
    kind: setting.kind,
    default: setting.initial,
    setting,
    secretFile: false,
  }
}
