/** What a file says, with the place of each part: the form in which it is checked. */

export interface Place {
  readonly line: number
  readonly column: number
}

export type Tree =
  | { readonly is: 'map'; readonly at: Place; readonly entries: readonly TreeEntry[] }
  | { readonly is: 'list'; readonly at: Place; readonly items: readonly Tree[] }
  | { readonly is: 'scalar'; readonly at: Place; readonly value: unknown }

export interface TreeEntry {
  readonly key: string
  /** Of the key. */
  readonly at: Place
  readonly tree: Tree
}

/** As plain values. Mappings have no prototype, so no key means anything else than itself. */
export function plainOf(tree: Tree): unknown {
  if (tree.is === 'scalar') return tree.value
  if (tree.is === 'list') return tree.items.map(plainOf)
  const plain = Object.create(null) as Record<string, unknown>
  for (const { key, tree: value } of tree.entries) plain[key] = plainOf(value)
  return plain
}

/** Values that say what was found are shown up to this length: an API key is longer. */
const SHOWN_CHARS_MAX = 16

/** What stands there, for people. `reveal`: it is no secret, so that a short one may be shown. */
export function describe(value: unknown, reveal: boolean): string {
  switch (typeof value) {
    case 'string':
      if (value === '') return 'an empty text'
      if (reveal && value.length <= SHOWN_CHARS_MAX) return `the text ${JSON.stringify(value)}`
      return `a text of ${value.length} characters`
    case 'number':
    case 'boolean':
      return reveal && `${value}`.length <= SHOWN_CHARS_MAX ? `the ${typeof value} ${value}` : `a ${typeof value}`
    default:
      if (value === null || value === undefined) return 'nothing (null)'
      return Array.isArray(value) ? 'a list' : 'a mapping'
  }
}
