/** Site ID and API key of whoever calls a relay: flags, then the environment. A key is never an argument: others can read those. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'

export interface CredentialOptions {
  readonly siteId?: string
  readonly apiKeyFile?: string
}

export interface Credentials {
  readonly siteId: string
  readonly apiKey: string
}

export function siteIdOf(options: CredentialOptions, { env }: Pick<Io, 'env'>): string {
  const siteId = options.siteId ?? env['HOLDFAST_SITE_ID']
  if (siteId !== undefined && siteId !== '') return siteId
  throw new CliError(EXIT.usage, 'SITE_ID_MISSING', 'no site id is given', 'Set HOLDFAST_SITE_ID, or give --site-id.')
}

/** @throws CliError when there is none, or its file cannot be read */
export function credentialsOf(options: CredentialOptions, io: Pick<Io, 'env' | 'cwd'>): Credentials {
  const { env, cwd } = io
  const siteId = siteIdOf(options, io)
  const file = options.apiKeyFile ?? env['HOLDFAST_API_KEY_FILE']
  const apiKey = file === undefined ? env['HOLDFAST_API_KEY'] : readKey(resolve(cwd, file))
  if (apiKey !== undefined && apiKey !== '') return { siteId, apiKey }
  const hint = 'Set HOLDFAST_API_KEY or HOLDFAST_API_KEY_FILE, or give --api-key-file.'
  throw new CliError(EXIT.usage, 'API_KEY_MISSING', 'no API key is given', hint)
}

function readKey(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const code = String(Reflect.get(Object(error), 'code'))
    throw new CliError(EXIT.usage, 'API_KEY_FILE', `the file of the API key cannot be read: ${path} (${code})`)
  }
}
