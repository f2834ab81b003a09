/** What one source says: by path, each value checked on its own. Layers are then laid over one another. */
import { resolve } from 'node:path'

import type { ConfigProblem } from './problem.ts'
import type { Origin } from './relay-config.ts'
import type { Setting } from './setting.ts'
import { describe } from './tree.ts'

export type Given =
  | { readonly is: 'value'; readonly value: unknown; readonly origin: Origin }
  /** Read only if nothing stronger is given. */
  | { readonly is: 'secret-file'; readonly file: string; readonly origin: Origin }
  /** Its problem is told already. */
  | { readonly is: 'wrong'; readonly origin: Origin }

export interface Layer {
  readonly given: Map<string, Given>
  /** For the only workspace, whatever its name: by the path inside it. */
  readonly only: Map<string, Given>
  /** Names of workspaces, with the place of each. */
  readonly workspaces: Map<string, string>
  readonly problems: ConfigProblem[]
}

export function emptyLayer(): Layer {
  return { given: new Map(), only: new Map(), workspaces: new Map(), problems: [] }
}

export interface Saying {
  readonly path: string
  readonly setting: Setting
  readonly secretFile: boolean
  readonly raw: unknown
  readonly origin: Origin
  /** Where relative paths begin. */
  readonly folder: string
}

/** What other programs replace by a variable. Taken as it stands, it would be found out by Customer.io's 401. */
const PLACEHOLDER = /\$\{[A-Za-z_][^}]*\}/

/** Checks one value and keeps it in `given`; what is wrong with it goes to `problems`. */
export function say(given: Map<string, Given>, problems: ConfigProblem[], saying: Saying): void {
  const { path, setting, secretFile, raw, origin, folder } = saying
  if (given.has(path)) {
    const message = `both ${shown(path, false)} and ${shown(path, true)} are given; give one of them`
    problems.push({ code: 'conflict', path, message, where: origin.where })
    return
  }
  if (typeof raw === 'string' && PLACEHOLDER.test(raw)) {
    given.set(path, { is: 'wrong', origin })
    const message = 'found a text with ${...} in it, and nothing is put in its place'
    const hint = 'give this setting in the environment instead, or a secret in a file of its own'
    problems.push({ code: 'wrong', path, message, where: origin.where, hint })
    return
  }
  if (secretFile) {
    if (typeof raw === 'string' && raw !== '') {
      given.set(path, { is: 'secret-file', file: resolve(folder, raw), origin })
      return
    }
    given.set(path, { is: 'wrong', origin })
    const message = `found ${describe(raw, false)}; must be the path of a file`
    problems.push({ code: 'wrong', path: `${path}File`, message, where: origin.where })
    return
  }
  const checked = setting.schema.safeParse(raw)
  if (checked.success) {
    const isPath = setting.kind === 'path' && typeof checked.data === 'string'
    given.set(path, { is: 'value', value: isPath ? resolve(folder, checked.data as string) : checked.data, origin })
    return
  }
  given.set(path, { is: 'wrong', origin })
  problems.push(wrongValue(path, setting, raw, origin.where))
}

export function wrongValue(path: string, setting: Setting, raw: unknown, where: string): ConfigProblem {
  // What should be elsewhere may stand here, so only kinds whose values are short and plain are shown.
  const reveal = !['secret', 'text', 'url', 'path'].includes(setting.kind)
  const hint = hintFor(setting, raw)
  const message = `found ${describe(raw, reveal)}; must be ${setting.allowed}`
  return { code: 'wrong', path, message, where, ...(hint === null ? {} : { hint }) }
}

function hintFor(setting: Setting, raw: unknown): string | null {
  const isText = ['secret', 'text', 'url', 'path', 'host', 'choice'].includes(setting.kind)
  if (isText && (typeof raw === 'number' || typeof raw === 'boolean'))
    return 'put quotes round it, so that it is a text'
  const isTime = setting.kind === 'duration' || setting.kind === 'ages'
  if (isTime && (typeof raw === 'number' || (typeof raw === 'string' && /^\d+(?:\.\d+)?$/.test(raw)))) {
    return `the unit is missing: ${raw}ms, or ${raw}s?`
  }
  if (setting.kind === 'boolean' && typeof raw === 'string' && /^(?:yes|on|1|y)$/i.test(raw)) return 'write true'
  if (setting.kind === 'boolean' && typeof raw === 'string' && /^(?:no|off|0|n)$/i.test(raw)) return 'write false'
  if ((setting.kind === 'whole' || setting.kind === 'number') && typeof raw === 'string' && /^[\d._]+$/.test(raw)) {
    return 'write it as a plain number, without quotes'
  }
  return null
}

function shown(path: string, file: boolean): string {
  return path.slice(path.lastIndexOf('.') + 1) + (file ? 'File' : '')
}
