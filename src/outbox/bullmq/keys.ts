/** Where an outbox lies in Redis: everything under one hash tag, so in one slot of a cluster. */
import { createHash } from 'node:crypto'

export interface OutboxKeys {
  /** With braces: `{holdfast:3f2a91c0d7be}`. */
  readonly tag: string
  /** What all keys of the data begin with. */
  readonly base: string
  /** On which handles talk to each other. */
  readonly channel: string
}

/** Several workspaces share a prefix and know nothing of each other. */
export function keysOf(prefix: string, workspace: string): OutboxKeys {
  const name = createHash('sha256').update(workspace).digest('hex').slice(0, 12)
  const tag = `{${prefix}:${name}}`
  return { tag, base: `${tag}:`, channel: `${tag}:handles` }
}
