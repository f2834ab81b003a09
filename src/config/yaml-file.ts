/** YAML, and JSON as a part of it, to a tree with places. Says in its own words what is wrong, for the parser's may quote a secret. */
import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type ErrorCode,
} from 'yaml'

import type { ConfigProblem } from './problem.ts'
import type { Place, Tree, TreeEntry } from './tree.ts'

/** More than any configuration has, and little enough that aliases of aliases end soon. */
const NODES_MAX = 20_000
const DEPTH_MAX = 20

export type Parsed =
  | { readonly tree: Tree; readonly problems: readonly [] }
  | { readonly tree: null; readonly problems: readonly ConfigProblem[] }

const BAD_ALIAS =
  'a value that begins with * refers to an anchor, and there is none of that name; put quotes round a text'
const TAG = 'tags (! and !!) are not taken here; put quotes round a text'

const SENTENCES: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_ALIAS,
  BAD_DQ_ESCAPE: 'in double quotes \\ begins an escape, and this is none; use single quotes',
  BAD_INDENT: 'the indentation is wrong, or a bracket or a quote before it is not closed',
  BAD_SCALAR_START: 'a text cannot begin with this character; put quotes round it',
  BLOCK_AS_IMPLICIT_KEY:
    'two keys in one line; begin a line for the second, or put quotes round a text with ": " in it',
  DUPLICATE_KEY: 'this key stands here twice',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a character is missing, such as a colon after a key, a comma, a closing quote or bracket',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines; a colon is missing, or the indentation is wrong',
  NON_STRING_KEY: 'a key must be a text',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply',
  TAB_AS_INDENT: 'a tab is used for indentation; YAML takes spaces only',
  TAG_RESOLVE_FAILED: TAG,
  UNEXPECTED_TOKEN: 'this does not belong here; look at the quotes, the indentation and the line before',
}

export function parseYaml(text: string, file: string): Parsed {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, version: '1.2', merge: false })
  const first = documents[0]
  if (first === undefined || first.contents === null) {
    return failed('syntax', file, 'the file is empty, or holds comments only')
  }
  const errors = documents.flatMap((document) => [...document.errors, ...document.warnings])
  if (errors.length > 0) {
    const problems = errors.map(({ code, pos }) => {
      const message = SENTENCES[code] ?? `this is not YAML (${code.toLowerCase().replaceAll('_', ' ')})`
      return { code: 'syntax', path: '', message, where: placeIn(file, placeOf(lines, pos[0])) } as const
    })
    return { tree: null, problems: problems.filter(isFirstOfItsLine) }
  }
  if (documents.length > 1) {
    const where = placeIn(file, placeOf(lines, documents[1]!.range[0]))
    return failed('syntax', where, 'a second document begins here; the file must be one')
  }
  return converted(first, lines, file)
}

/** `relay.yaml:3:9`. */
export function placeIn(file: string, { line, column }: Place): string {
  return `${file}:${line}:${column}`
}

function placeOf(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

/** One slip makes several errors in its line; the first names it. */
function isFirstOfItsLine(problem: ConfigProblem, index: number, all: readonly ConfigProblem[]): boolean {
  const line = (other: ConfigProblem): string | undefined => other.where?.replace(/:\d+$/, '')
  return all.findIndex((other) => line(other) === line(problem)) === index
}

function failed(code: 'syntax', where: string, message: string): Parsed {
  return { tree: null, problems: [{ code, path: '', message, where }] }
}

/** By our own hand instead of `toJS`: with places, a bound on what aliases multiply, and no name with a meaning for objects. */
function converted(document: Document, lines: LineCounter, file: string): Parsed {
  const problems: ConfigProblem[] = []
  let nodes = 0

  function problem(at: Place, message: string): Tree {
    problems.push({ code: 'syntax', path: '', message, where: placeIn(file, at) })
    return { is: 'scalar', at, value: null }
  }

  function convert(node: unknown, parent: Place, depth: number): Tree {
    const at = hasRange(node) ? placeOf(lines, node.range[0]) : parent
    nodes++
    if (nodes > NODES_MAX || depth > DEPTH_MAX) {
      // One sentence for all that is over the bound.
      if (problems.length > 0) return { is: 'scalar', at, value: null }
      const bound = depth > DEPTH_MAX ? `deeper than ${DEPTH_MAX} levels` : `more than ${NODES_MAX} values`
      return problem(at, `with its aliases the file holds ${bound}`)
    }
    if (isAlias(node)) {
      const meant = node.resolve(document)
      return meant === undefined ? problem(at, BAD_ALIAS) : convert(meant, at, depth + 1)
    }
    if (isNode(node) && node.tag !== undefined) return problem(at, TAG)
    if (isSeq(node)) return { is: 'list', at, items: node.items.map((item) => convert(item, at, depth + 1)) }
    if (isMap(node)) {
      const entries = node.items.map(({ key, value }): TreeEntry => {
        const keyAt = hasRange(key) ? placeOf(lines, key.range[0]) : at
        if (!isScalar(key)) problem(keyAt, 'a key must be a text')
        return { key: isScalar(key) ? String(key.value) : '', at: keyAt, tree: convert(value, keyAt, depth + 1) }
      })
      return { is: 'map', at, entries }
    }
    return { is: 'scalar', at, value: isScalar(node) ? node.value : null }
  }

  const tree = convert(document.contents, { line: 1, column: 1 }, 0)
  return problems.length > 0 ? { tree: null, problems } : { tree, problems: [] }
}

function hasRange(node: unknown): node is { readonly range: readonly [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
}
