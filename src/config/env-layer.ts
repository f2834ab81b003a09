/** `HOLDFAST_*` as a layer. A name that is not known is an error, like a key of the file. */
import { emptyLayer, say, type Layer } from './layer.ts'
import { settingRows, type SettingRow } from './rows.ts'
import { WORKSPACE_NAME } from './settings.ts'
import { nearest } from './suggest.ts'
import { fromText } from './text-value.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** Read by the program itself: the path of the file, and where the CLI finds a relay. */
const PROGRAM_NAMES: ReadonlySet<string> = new Set(['HOLDFAST_CONFIG', 'HOLDFAST_URL', 'HOLDFAST_ADMIN_URL'])

const WORKSPACE_PREFIX = 'HOLDFAST_WORKSPACES_'
const NAME_PLACE = `${WORKSPACE_PREFIX}<NAME>`

/** A setting's name has no more words. */
const WORDS_MAX = 5

const byName: ReadonlyMap<string, SettingRow> = new Map(
  settingRows.flatMap((row) => (row.env === null || row.scope === 'workspace' ? [] : [[row.env, row] as const])),
)

/** By what follows the workspace's name. None of these ends with another one, so a name is found without doubt. */
const ofWorkspaces: readonly (readonly [ending: string, row: SettingRow])[] = settingRows
  .filter((row) => row.scope === 'workspace' && row.env !== null)
  .map((row) => [row.env!.slice(NAME_PLACE.length), row] as const)

export function envLayer(env: Env, folder: string): Layer {
  const layer = emptyLayer()
  for (const name of Object.keys(env).sort()) {
    const text = env[name]
    if (text === undefined || !name.startsWith('HOLDFAST_')) continue
    if (PROGRAM_NAMES.has(name) || isServiceLink(name, text)) continue
    const found = find(name)
    if (found === null) layer.problems.push(unknownName(name))
    // Compose files and manifests pass on what is not set as an empty text.
    else if (text !== '') take(layer, name, text, found, folder)
  }
  return layer
}

interface Found {
  readonly row: SettingRow
  readonly workspace: string | null
}

function take(layer: Layer, name: string, text: string, { row, workspace }: Found, folder: string): void {
  const { setting, secretFile } = row
  const given = row.scope === 'only' ? layer.only : layer.given
  if (workspace !== null && !layer.workspaces.has(workspace)) layer.workspaces.set(workspace, name)
  const inWorkspace = row.path.replace('<name>', workspace ?? '')
  const path = secretFile ? inWorkspace.slice(0, -'File'.length) : inWorkspace
  const raw = secretFile ? text : fromText(setting, text)
  say(given, layer.problems, { path, setting, secretFile, raw, origin: { source: 'env', where: name }, folder })
}

function find(name: string): Found | null {
  const row = byName.get(name)
  if (row !== undefined) return { row, workspace: null }
  if (!name.startsWith(WORKSPACE_PREFIX)) return null
  for (const [ending, row] of ofWorkspaces) {
    if (!name.endsWith(ending)) continue
    const workspace = name.slice(WORKSPACE_PREFIX.length, -ending.length).toLowerCase().replaceAll('_', '-')
    if (WORKSPACE_NAME.test(workspace)) return { row, workspace }
  }
  return null
}

/**
 * Kubernetes gives every container variables for each Service of its namespace, named after it. For one that is called
 * `holdfast` or `holdfast-relay` they begin as ours do.
 */
function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)$/.test(name)) return true
  if (/_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(name)) return true
  return name.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value)
}

function unknownName(name: string): Layer['problems'][number] {
  const hint = name.startsWith(WORKSPACE_PREFIX) ? workspaceHint(name) : plainHint(name)
  return {
    code: 'unknown',
    path: '',
    where: name,
    message: 'this name is not known',
    ...(hint === null ? {} : { hint }),
  }
}

function plainHint(name: string): string | null {
  const ending = name.slice('HOLDFAST'.length)
  const longer = [...byName.keys()].filter((known) => known.endsWith(ending))
  if (longer.length > 0 && longer.length <= 3) return `did you mean ${longer.join(' or ')}?`
  // Without what all begin with, for that would make everything near.
  const near = nearest(
    ending,
    [...byName.keys()].map((known) => known.slice('HOLDFAST'.length)),
  )
  return near === null ? null : `did you mean HOLDFAST${near}?`
}

/** Where the workspace's name ends is not known, so each part is tried as the setting's beginning. */
function workspaceHint(name: string): string {
  const parts = name.slice(WORKSPACE_PREFIX.length).split('_')
  const endings = ofWorkspaces.map(([ending]) => ending)
  for (let words = Math.min(parts.length - 1, WORDS_MAX); words > 0; words--) {
    const end = `_${parts.slice(-words).join('_')}`
    const near = nearest(end, endings)
    if (near !== null) return `did you mean ${name.slice(0, -end.length)}${near}?`
  }
  return `after ${WORKSPACE_PREFIX} comes the name of the workspace, then a setting such as _API_KEY`
}
