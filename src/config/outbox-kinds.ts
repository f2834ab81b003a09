/** Which settings of an outbox belong to which kind of it. */
import type { OutboxConfig, OutboxKind, SpillConfig } from './relay-config.ts'

const SHARED: readonly OutboxKind[] = ['bullmq', 'postgres']

/** Paths below `outbox` that not every kind takes. */
export const KINDS_OF: Readonly<Record<string, readonly OutboxKind[]>> = {
  url: SHARED,
  prefix: ['bullmq'],
  schema: ['postgres'],
  listen: ['postgres'],
  requireDurability: SHARED,
  timeout: SHARED,
  'spill.enabled': ['bullmq'],
  'spill.path': ['bullmq'],
  'spill.onOutage': ['bullmq'],
  'spill.deliverAfter': ['bullmq'],
  'spill.maxBytes': ['bullmq'],
}

/** Where an outbox of a server is unless something else is said. */
const PLACE = 'holdfast'

const NO_SPILL: SpillConfig = {
  enabled: null,
  path: null,
  onOutage: null,
  deliverAfterMs: null,
  maxBytes: null,
}

/** Many machines may share such an outbox, and all of them deliver from it. */
export function isShared(kind: OutboxKind): boolean {
  return SHARED.includes(kind)
}

/** Without what another kind alone takes: `defaults` may say it for workspaces of that one. */
export function ofItsKind(outbox: OutboxConfig): OutboxConfig {
  const has = (key: string): boolean => KINDS_OF[key]!.includes(outbox.kind)
  return {
    ...outbox,
    url: has('url') ? outbox.url : null,
    prefix: has('prefix') ? outbox.prefix : null,
    schema: has('schema') ? outbox.schema : null,
    durability: outbox.kind === 'sqlite' ? outbox.durability : 'power',
    listen: has('listen') ? outbox.listen : null,
    requireDurability: has('requireDurability') ? outbox.requireDurability : null,
    timeoutMs: has('timeout') ? outbox.timeoutMs : null,
    spill: has('spill.path') ? spillOf(outbox.spill) : NO_SPILL,
  }
}

function spillOf(spill: SpillConfig): SpillConfig {
  return spill.onOutage === 'deliver' ? spill : { ...spill, deliverAfterMs: null }
}

/** Whether they mean one store, with whatever credentials, and one way to spill. */
export function isSamePlace(one: OutboxConfig, other: OutboxConfig): boolean {
  return storeOf(one) === storeOf(other) && JSON.stringify(one.spill) === JSON.stringify(other.spill)
}

/** Names the store itself: the same for all ways to it. */
export function storeOf({ kind, url, prefix, schema }: OutboxConfig): string {
  return JSON.stringify([kind, url === null ? null : withoutUser(url), prefix ?? PLACE, schema ?? PLACE])
}

function withoutUser(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null) return url
  return `${parsed.host}${parsed.pathname.replace(/\/+$/, '')}`
}
