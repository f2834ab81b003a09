/** Lays the layers over one another, the later the stronger, and finds out whom the short names are for. */
import type { Given, Layer } from './layer.ts'
import type { ConfigProblem } from './problem.ts'
import { envName, workspaceEnvName } from './rows.ts'

/** Of the workspace that short names make where there is none. */
export const DEFAULT_NAME = 'default'

export interface Combined {
  readonly given: ReadonlyMap<string, Given>
  /** Each with the place that named it first. */
  readonly workspaces: ReadonlyMap<string, string>
  readonly problems: readonly ConfigProblem[]
}

export function combine(layers: readonly Layer[]): Combined {
  const workspaces = new Map<string, string>()
  for (const layer of layers) {
    for (const [name, where] of layer.workspaces) if (!workspaces.has(name)) workspaces.set(name, where)
  }
  const problems = layers.flatMap((layer) => layer.problems)
  const first = layers.flatMap((layer) => [...layer.only.values()])[0]
  if (first !== undefined && workspaces.size === 0) workspaces.set(DEFAULT_NAME, first.origin.where)
  const given = new Map<string, Given>()
  const [only, ...others] = workspaces.keys()
  for (const layer of layers) {
    for (const [path, value] of layer.given) given.set(path, value)
    for (const [path, value] of layer.only) {
      if (only === undefined || others.length > 0) problems.push(ambiguous(path, value, [...workspaces.keys()]))
      else if (layer.given.has(`workspaces.${only}.${path}`)) problems.push(saidTwice(path, value, only))
      else given.set(`workspaces.${only}.${path}`, value)
    }
  }
  return { given, workspaces, problems }
}

function ambiguous(path: string, { origin }: Given, names: readonly string[]): ConfigProblem {
  const message = `there are ${names.length} workspaces, and this name says of none which it is`
  const shared = path === 'region' || path === 'baseUrl'
  const long = workspaceEnvName(names[0] ?? DEFAULT_NAME, path)
  const hint = shared ? `use ${long}, or ${envName(`defaults.${path}`)} for all` : `use ${long} and the like`
  return { code: 'conflict', path, message, where: origin.where, hint }
}

function saidTwice(path: string, { origin }: Given, workspace: string): ConfigProblem {
  const long = workspaceEnvName(workspace, path)
  const message = `this is the same setting as ${long}; give one of them`
  return { code: 'conflict', path: `workspaces.${workspace}.${path}`, message, where: origin.where }
}
