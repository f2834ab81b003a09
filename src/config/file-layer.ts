/** The configuration file as a layer: every key known, every value checked, every problem with its line and column. */
import { dirname } from 'node:path'

import { emptyLayer, say, wrongValue, type Layer } from './layer.ts'
import type { Origin } from './relay-config.ts'
import { anyShape, FILE_SUFFIX, settingRows } from './rows.ts'
import type { AnyShape, Setting } from './setting.ts'
import { relaySettings, sharedSettings, WORKSPACE_NAME, workspaceSettings } from './settings.ts'
import { nearest } from './suggest.ts'
import { describe, plainOf, type Place, type Tree, type TreeEntry } from './tree.ts'
import { parseYaml, placeIn } from './yaml-file.ts'

/** Longer keys are cut in messages. */
const KEY_CHARS_MAX = 60

/** @param name as the user wrote it, for messages; relative paths inside it begin at the folder of `file` */
export function fileLayer(text: string, file: string, name: string): Layer {
  const layer = emptyLayer()
  const { tree, problems } = parseYaml(text, name)
  if (tree === null) {
    layer.problems.push(...problems)
    layer.given.set('', { is: 'wrong', origin: { source: 'file', where: name } })
    return layer
  }
  new Walk(layer, name, dirname(file)).root(tree)
  return layer
}

class Walk {
  readonly #layer: Layer
  readonly #file: string
  readonly #folder: string

  constructor(layer: Layer, file: string, folder: string) {
    this.#layer = layer
    this.#file = file
    this.#folder = folder
  }

  root(tree: Tree): void {
    const relay = anyShape(relaySettings)
    this.#each(tree, '', [...keysOf(relay), 'defaults', 'workspaces'], (entry) => {
      // Names the JSON Schema, for editors.
      if (entry.key === '$schema') return true
      if (entry.key === 'defaults') this.#fields(entry.tree, 'defaults', anyShape(sharedSettings))
      else if (entry.key === 'workspaces') this.#workspaces(entry.tree)
      else return this.#field(entry, '', relay)
      return true
    })
  }

  #workspaces(tree: Tree): void {
    this.#each(tree, 'workspaces', [], ({ key, at, tree: workspace }) => {
      if (!WORKSPACE_NAME.test(key)) {
        this.#problem(
          'wrong',
          'workspaces',
          at,
          `${quoted(key)} is no name for a workspace: a to z, 0 to 9 and hyphens, at most 40, no hyphen first`,
        )
        return true
      }
      this.#layer.workspaces.set(key, placeIn(this.#file, at))
      this.#fields(workspace, `workspaces.${key}`, anyShape(workspaceSettings))
      return true
    })
  }

  #fields(tree: Tree, path: string, fields: AnyShape): void {
    this.#each(tree, path, keysOf(fields), (entry) => this.#field(entry, path, fields))
  }

  /** Goes over a mapping. `take` says whether the key is known. A mapping that is empty in the file is `null` to YAML. */
  #each(tree: Tree, path: string, known: readonly string[], take: (entry: TreeEntry) => boolean): void {
    if (tree.is === 'scalar' && tree.value === null) return
    if (tree.is !== 'map') {
      this.#wrong(path, tree.at)
      const what = path === '' ? 'the file' : 'it'
      this.#problem(
        'wrong',
        path,
        tree.at,
        `found ${describe(plainOf(tree), false)}; ${what} must be a mapping (key: value)`,
      )
      return
    }
    for (const entry of tree.entries) {
      if (take(entry)) continue
      const place = join(path, cut(entry.key))
      this.#problem(
        'unknown',
        place,
        entry.at,
        `${quoted(entry.key)} is not known here`,
        hintOf(entry.key, path, known),
      )
    }
  }

  #field({ key, at, tree }: TreeEntry, parent: string, fields: AnyShape): boolean {
    const isFile = key.endsWith(FILE_SUFFIX) && isSecret(fields, key.slice(0, -FILE_SUFFIX.length))
    const name = isFile ? key.slice(0, -FILE_SUFFIX.length) : key
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (field === undefined) return false
    const path = join(parent, name)
    if (field.is === 'section') this.#fields(tree, path, field.fields)
    else if (field.is === 'list') this.#items(tree, at, path, field.fields)
    else if (field.kind === 'ages' && tree.is === 'map') this.#ages(tree, path, field)
    else {
      const saying = { path, setting: field, secretFile: isFile, raw: plainOf(tree), origin: this.#origin(tree.at) }
      say(this.#layer.given, this.#layer.problems, { ...saying, folder: this.#folder })
    }
    return true
  }

  #items(tree: Tree, at: Place, path: string, fields: AnyShape): void {
    if (tree.is !== 'list' || tree.items.length === 0) {
      const found = tree.is === 'list' ? 'an empty list' : describe(plainOf(tree), false)
      this.#wrong(path, at)
      this.#problem(
        'wrong',
        path,
        tree.at,
        `found ${found}; must be a list of at least one (- siteId: ..., apiKey: ...)`,
      )
      return
    }
    this.#layer.given.set(path, { is: 'value', value: tree.items.length, origin: this.#origin(at) })
    for (const [index, item] of tree.items.entries()) {
      const itemPath = `${path}[${index}]`
      if (item.is === 'map') this.#fields(item, itemPath, fields)
      else {
        this.#wrong(itemPath, item.at)
        this.#problem(
          'wrong',
          itemPath,
          item.at,
          `found ${describe(plainOf(item), false)}; must be a mapping (key: value)`,
        )
      }
    }
  }

  #ages(tree: Tree & { readonly is: 'map' }, path: string, setting: Setting): void {
    const before = this.#layer.problems.length
    this.#each(tree, path, setting.choices, ({ key, tree: value }) => {
      if (!setting.choices.includes(key)) return false
      const plain = plainOf(value)
      if (plain === null || typeof plain === 'object' || !setting.schema.safeParse(plain).success) {
        this.#layer.problems.push(wrongValue(join(path, key), setting, plain, placeIn(this.#file, value.at)))
      }
      return true
    })
    if (this.#layer.problems.length > before) this.#wrong(path, tree.at)
    else {
      const saying = { path, setting, secretFile: false, raw: plainOf(tree), origin: this.#origin(tree.at) }
      say(this.#layer.given, this.#layer.problems, { ...saying, folder: this.#folder })
    }
  }

  #origin(at: Place): Origin {
    return { source: 'file', where: placeIn(this.#file, at) }
  }

  #wrong(path: string, at: Place): void {
    this.#layer.given.set(path, { is: 'wrong', origin: this.#origin(at) })
  }

  #problem(code: 'wrong' | 'unknown', path: string, at: Place, message: string, hint?: string): void {
    const where = placeIn(this.#file, at)
    this.#layer.problems.push({ code, path, message, where, ...(hint === undefined ? {} : { hint }) })
  }
}

function keysOf(fields: AnyShape): string[] {
  return Object.keys(fields).flatMap((name) => (isSecret(fields, name) ? [name, name + FILE_SUFFIX] : [name]))
}

function isSecret(fields: AnyShape, name: string): boolean {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined
  return field?.is === 'setting' && field.kind === 'secret'
}

function hintOf(key: string, path: string, known: readonly string[]): string | undefined {
  if (key === '<<') return 'merge keys are not taken here; what is common to all workspaces stands under defaults'
  const near = nearest(key, known)
  if (near !== null) return `did you mean ${near}?`
  const elsewhere = settingRows.filter((row) => row.path.toLowerCase().endsWith(`.${key.toLowerCase()}`))
  const paths = elsewhere.map((row) => row.path).filter((other) => !other.includes('[]'))
  if (paths.length > 0 && paths.length <= 3) return `did you mean ${paths.join(' or ')}?`
  if (known.length > 0 && path !== '') return `known here: ${known.join(', ')}`
  return undefined
}

function join(parent: string, name: string): string {
  return parent === '' ? name : `${parent}.${name}`
}

function cut(key: string): string {
  return key.length > KEY_CHARS_MAX ? `${key.slice(0, KEY_CHARS_MAX)}…` : key
}

function quoted(key: string): string {
  return JSON.stringify(cut(key))
}
