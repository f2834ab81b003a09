/** The configuration of a relay, from all its sources: defaults, then the file, then `HOLDFAST_*`, then flags. */
import { resolve } from 'node:path'

import { assemble, type Surroundings } from './assemble.ts'
import { combine } from './combine.ts'
import { crossChecks } from './cross-checks.ts'
import { envLayer, type Env } from './env-layer.ts'
import { fileLayer } from './file-layer.ts'
import { readSmallFile, type ReadFile } from './files.ts'
import { flagLayer, type Flags } from './flag-layer.ts'
import { emptyLayer, type Layer } from './layer.ts'
import { ConfigError, type ConfigProblem } from './problem.ts'
import type { LoadedConfig } from './relay-config.ts'

const FILE_BYTES_MAX = 1_000_000

export interface Sources {
  /** YAML or JSON. Also taken from `HOLDFAST_CONFIG`; without either there is no file. */
  readonly file?: string | undefined
  readonly env: Env
  /** Values of flags, by the `attribute` of `settingRows`. */
  readonly flags: Flags
  /** Where relative paths of the environment, of flags and of defaults begin; those of the file begin at its folder. */
  readonly cwd: string
  /** @defaultValue from the disk */
  readonly readFile?: ReadFile
}

/**
 * Reads, checks and joins every source. What is said of one workspace wins over `defaults`, whoever says it.
 *
 * @throws ConfigError with every problem at once
 * @example `const { config } = loadConfig({ file: 'relay.yaml', env: process.env, flags: {}, cwd: process.cwd() })`
 */
export function loadConfig({ file: named, env, flags, cwd, readFile = readSmallFile }: Sources): LoadedConfig {
  const name = named ?? (env['HOLDFAST_CONFIG'] === '' ? undefined : env['HOLDFAST_CONFIG'])
  const file = name === undefined ? null : resolve(cwd, name)
  const layers = [
    name === undefined ? emptyLayer() : readLayer(resolve(cwd, name), name, readFile),
    envLayer(env, cwd),
    flagLayer(flags, cwd),
  ]
  const combined = combine(layers)
  const region = regionOfEnv(env)
  const surroundings = { folder: cwd, readFile, region: region.given }
  const assembled = assemble(combined, surroundings)
  const problems = [...combined.problems, ...region.problems, ...assembled.problems, ...crossChecks(assembled)]
  const [first, ...others] = problems
  if (first !== undefined) throw new ConfigError([first, ...others])
  return { config: assembled.draft, origins: assembled.origins, warnings: assembled.warnings, file }
}

function readLayer(file: string, name: string, readFile: ReadFile): Layer {
  const read = readFile(file, FILE_BYTES_MAX)
  if (!('unreadable' in read)) return fileLayer(read.text, file, name)
  const layer = emptyLayer()
  layer.problems.push({ code: 'unreadable', path: '', message: `cannot be read: ${read.unreadable}`, where: name })
  layer.given.set('', { is: 'wrong', origin: { source: 'file', where: name } })
  return layer
}

/** The variable of Customer.io's own `cio` program. */
function regionOfEnv(env: Env): {
  readonly given: Surroundings['region']
  readonly problems: readonly ConfigProblem[]
} {
  const value = env['CIO_REGION']
  if (value === undefined || value === '') return { given: null, problems: [] }
  const origin = { source: 'env', where: 'CIO_REGION' } as const
  if (value === 'us' || value === 'eu') return { given: { is: 'value', value, origin }, problems: [] }
  const message = 'must be us or eu'
  return { given: null, problems: [{ code: 'wrong', path: 'region', message, where: origin.where }] }
}
