/**
 * Who may come in: HTTP Basic with a workspace's site id and API key. Digests are compared, all of them and in constant
 * time, so that an answer's time tells nothing about a key or about how many there are before it.
 */
import { hash, timingSafeEqual } from 'node:crypto'

import { OptionsError } from '../errors.ts'

export interface InboundCredentials {
  readonly siteId: string
  readonly apiKey: string
}

export interface Keyring {
  /** The workspace that an `Authorization` header opens. @param connection that it came on */
  workspaceOf(authorization: string, connection?: object): string | undefined
}

/** Both alphabets of base 64 (Go's SDK writes the one for URLs), with or without padding. */
const BASIC = /^Basic +([\w+/-]+={0,2})$/i

/** Far more than a site id and a key need. */
const HEADER_CHARS_MAX = 4_096

/** @throws OptionsError when two workspaces have the same credentials, or they cannot be written as HTTP Basic */
export function createKeyring(
  workspaces: readonly { readonly name: string; readonly inbound: readonly InboundCredentials[] }[],
): Keyring {
  const keys = new Map<string, { readonly digest: Buffer; readonly workspace: string }>()
  for (const { name, inbound } of workspaces) {
    for (const [index, { siteId, apiKey }] of inbound.entries()) {
      const field = `workspaces.${name}.inbound[${index}]`
      checkPart(`${field}.siteId`, siteId)
      checkPart(`${field}.apiKey`, apiKey)
      if (siteId.includes(':'))
        throw new OptionsError(`${field}.siteId`, 'cannot hold a colon: HTTP Basic ends it there')
      const digest = digestOf(Buffer.from(`${siteId}:${apiKey}`))
      const other = keys.get(digest.toString('hex'))
      if (other !== undefined && other.workspace !== name) {
        throw new OptionsError(field, `is also among those of the workspace ${other.workspace}`)
      }
      keys.set(digest.toString('hex'), { digest, workspace: name })
    }
  }
  const all = [...keys.values()]
  // What a connection has shown before needs no second look: the two texts that are compared are both its own.
  const shown = new WeakMap<object, { readonly authorization: string; readonly workspace: string }>()
  return {
    workspaceOf(authorization, connection) {
      const before = connection === undefined ? undefined : shown.get(connection)
      if (before?.authorization === authorization) return before.workspace
      const match = authorization.length > HEADER_CHARS_MAX ? null : BASIC.exec(authorization)
      if (match === null) return undefined
      const given = digestOf(Buffer.from(match[1]!, 'base64'))
      let found: string | undefined
      for (const { digest, workspace } of all) if (timingSafeEqual(digest, given)) found = workspace
      if (found !== undefined && connection !== undefined) shown.set(connection, { authorization, workspace: found })
      return found
    },
  }
}

function checkPart(field: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw new OptionsError(field, 'is required, a text that is not empty')
}

function digestOf(credentials: Buffer): Buffer {
  return hash('sha256', credentials, 'buffer')
}
