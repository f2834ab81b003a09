/** What differs between two configurations, and whether a running relay can take it over. */
import type { RelayConfig } from './relay-config.ts'
import { anyShape } from './rows.ts'
import type { AnyEntry, AnyShape, Change } from './setting.ts'
import { relaySettings, workspaceSettings } from './settings.ts'

export interface ConfigDiff {
  /** Paths that a reload applies: `log.level`, `workspaces.shop.apiKey`, `workspaces.new`. */
  readonly reload: readonly string[]
  /** Paths that hold only after a restart. */
  readonly restart: readonly string[]
}

type Found = (path: string, change: Change) => void

/** Paths are those of the file's notation. Never holds values. */
export function diffConfig(old: RelayConfig, next: RelayConfig): ConfigDiff {
  const changed: Record<Change, string[]> = { reload: [], restart: [] }
  const found: Found = (path, change) => void changed[change].push(path)
  compareFields(old, next, '', anyShape(relaySettings), found)
  for (const name of new Set([...Object.keys(old.workspaces), ...Object.keys(next.workspaces)])) {
    const path = `workspaces.${name}`
    const before = Object.hasOwn(old.workspaces, name) ? old.workspaces[name] : undefined
    const after = Object.hasOwn(next.workspaces, name) ? next.workspaces[name] : undefined
    if (before === undefined || after === undefined) found(path, 'reload')
    else compareFields(before, after, path, anyShape(workspaceSettings), found)
  }
  return changed
}

function compareFields(old: object, next: object, path: string, fields: AnyShape, found: Found): void {
  for (const [name, entry] of Object.entries(fields)) {
    const isTime = entry.is === 'setting' && entry.kind === 'duration'
    const key = isTime ? `${name}Ms` : name
    compare(valueOf(old, key), valueOf(next, key), path === '' ? name : `${path}.${name}`, entry, found)
  }
}

function compare(old: unknown, next: unknown, path: string, entry: AnyEntry, found: Found): void {
  if (entry.is === 'section') {
    if (isObject(old) && isObject(next)) compareFields(old, next, path, entry.fields, found)
    // A listener, or the way to speak on one, that comes or goes.
    else if (old !== next) found(path, 'restart')
    return
  }
  if (canonical(old) !== canonical(next)) found(path, entry.is === 'list' ? 'reload' : entry.change)
}

function valueOf(object: object, key: string): unknown {
  return (object as Readonly<Record<string, unknown>>)[key]
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** The same for the same ages, in whatever order they stand. */
function canonical(value: unknown): string {
  if (!isObject(value) || Array.isArray(value)) return JSON.stringify(value)
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
