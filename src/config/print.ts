/** A configuration as a file: secrets masked, times and sizes with their units, so that it can be read back. */
import { formatDuration, formatSize } from './notation.ts'
import type { Origin, RelayConfig } from './relay-config.ts'
import { anyShape } from './rows.ts'
import type { AnyEntry, AnyShape, Setting } from './setting.ts'
import { relaySettings, workspaceSettings } from './settings.ts'

export const MASK = '********'

type Written = null | string | number | boolean | readonly Written[] | WrittenMap
interface WrittenMap {
  readonly [key: string]: Written
}

/** The configuration in the file's notation, without secrets. */
export function writtenConfig(config: RelayConfig): WrittenMap {
  const workspaces = Object.entries(config.workspaces).map(
    ([name, workspace]) => [name, fieldsOf(workspace, anyShape(workspaceSettings))] as const,
  )
  return { ...fieldsOf(config, anyShape(relaySettings)), workspaces: Object.fromEntries(workspaces) }
}

/** As YAML. With `origins`, each line says where its value comes from. */
export function printConfig(config: RelayConfig, origins?: Readonly<Record<string, Origin>>): string {
  const lines: string[] = []
  printMap(lines, '', '', writtenConfig(config), origins)
  return `${lines.join('\n')}\n`
}

function fieldsOf(values: object, shape: AnyShape): WrittenMap {
  const fields = Object.entries(shape).map(([name, entry]) => {
    const key = entry.is === 'setting' && entry.kind === 'duration' ? `${name}Ms` : name
    return [name, writtenEntry((values as Readonly<Record<string, unknown>>)[key], entry)] as const
  })
  return Object.fromEntries(fields)
}

function writtenEntry(value: unknown, entry: AnyEntry): Written {
  if (value === null || value === undefined) return null
  if (entry.is === 'section') return fieldsOf(value, entry.fields)
  if (entry.is === 'list') return (value as readonly object[]).map((item) => fieldsOf(item, entry.fields))
  return writtenValue(value, entry)
}

function writtenValue(value: unknown, setting: Setting): Written {
  if (setting.kind === 'secret') return MASK
  if (setting.kind === 'size') return formatSize(value as number)
  if (setting.kind === 'duration' || setting.kind === 'ages') return writtenAge(value as number | object)
  return value as Written
}

function writtenAge(value: number | object): Written {
  if (typeof value === 'number') return formatDuration(value)
  return Object.fromEntries(Object.entries(value).map(([kind, ms]) => [kind, formatDuration(ms as number)]))
}

type Origins = Readonly<Record<string, Origin>> | undefined

function printMap(lines: string[], indent: string, path: string, map: WrittenMap, origins: Origins): void {
  for (const [key, value] of Object.entries(map)) {
    printEntry(lines, indent, path === '' ? key : `${path}.${key}`, scalar(key), value, origins)
  }
}

function printEntry(
  lines: string[],
  indent: string,
  path: string,
  key: string,
  value: Written,
  origins: Origins,
): void {
  const origin = comment(origins?.[path])
  if (isList(value)) {
    lines.push(`${indent}${key}:${origin}`)
    for (const [index, item] of value.entries()) {
      const inner: string[] = []
      printMap(inner, '', `${path}[${index}]`, item as WrittenMap, origins)
      lines.push(...inner.map((line, at) => `${indent}  ${at === 0 ? '- ' : '  '}${line}`))
    }
  } else if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) {
    lines.push(`${indent}${key}: {}${origin}`)
  } else if (typeof value === 'object' && value !== null) {
    lines.push(`${indent}${key}:${origin}`)
    printMap(lines, `${indent}  `, path, value, origins)
  } else {
    lines.push(`${indent}${key}: ${scalar(value)}${origin}`)
  }
}

function comment(origin: Origin | undefined): string {
  if (origin === undefined) return ''
  const where = origin.where.replaceAll(/\p{Cc}/gu, '?')
  return origin.source === 'secret-file' ? `  # the file ${where}` : `  # ${where}`
}

/** Quotes whatever YAML could take for something else. JSON's quotes are YAML's. */
function scalar(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return String(value)
  const isPlain = /^[A-Za-z/][A-Za-z0-9_./-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value)
  const isMeasure = /^\d+(?:ms|s|m|h|d|B|kB|[MGT]B|[KMGT]iB)$/.test(value) || /^\d+(?:\.\d+){3}$/.test(value)
  return isPlain || isMeasure ? value : JSON.stringify(value)
}

function isList(value: Written): value is readonly Written[] {
  return Array.isArray(value)
}
