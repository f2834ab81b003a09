/** Site ID and API key of whoever calls a relay. A key is never an argument: others can read those. */
import { readFileSync } from 'node:fs'

import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'
import type { RelayFacts } from './relay-facts.ts'

export interface CredentialOptions {
  readonly siteId?: string
  readonly apiKeyFile?: string
}

export interface Credentials {
  readonly siteId: string
  readonly apiKey: string
}

/** @throws CliError when there is none, or its file cannot be read */
export function credentialsOf(facts: RelayFacts): Credentials {
  const { apiKey: place } = facts
  const siteId = sure(facts.siteId, facts)
  const apiKey = place === null ? '' : 'text' in place ? place.text : readKey(place.file)
  if (apiKey !== '') return { siteId, apiKey }
  const isConfigured = facts.workspaces.length > 0
  const message = isConfigured ? `the configuration has no API key of site ${siteId}` : 'no API key is given'
  const hint = isConfigured
    ? 'Give --api-key-file.'
    : 'Set HOLDFAST_API_KEY or HOLDFAST_API_KEY_FILE, or give --api-key-file, or --config.'
  throw new CliError(EXIT.usage, 'API_KEY_MISSING', message, hint)
}

/** @throws CliError when it is not known */
export function outboxSiteIdOf(facts: RelayFacts): string {
  return sure(facts.outboxSiteId, facts)
}

function sure(siteId: string | null, { workspaces }: RelayFacts): string {
  if (siteId !== null && siteId !== '') return siteId
  if (workspaces.length > 0) {
    const message = `there are ${workspaces.length} workspaces (${workspaces.join(', ')}): say which with --workspace`
    throw new CliError(EXIT.usage, 'needs-workspace', message)
  }
  const hint = 'Set HOLDFAST_SITE_ID, or give --site-id, or --config.'
  throw new CliError(EXIT.usage, 'SITE_ID_MISSING', 'no site id is given', hint)
}

function readKey(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const code = String(Reflect.get(Object(error), 'code'))
    throw new CliError(EXIT.usage, 'API_KEY_FILE', `the file of the API key cannot be read: ${path} (${code})`)
  }
}

/** The address, where the configuration does not leave it open. */
export function intakeUrlOf({ intakeUrl }: RelayFacts): string {
  if (intakeUrl !== null) return intakeUrl
  const message = 'the configuration lets the relay take any free port'
  throw new CliError(EXIT.usage, 'URL_UNKNOWN', message, 'Say where it listens with --url or HOLDFAST_URL.')
}
