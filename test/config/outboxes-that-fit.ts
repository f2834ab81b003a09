/** Puts right what was made at random of the outboxes: each has what its kind takes, and no two are one store. */
import { KINDS_OF } from '../../src/config/outbox-kinds.ts'
import type { OutboxKind } from '../../src/config/relay-config.ts'

type Fields = Readonly<Record<string, unknown>>

export function withOutboxes(
  defaults: Fields,
  workspaces: readonly (readonly [name: string, settings: Fields])[],
): { readonly defaults: Fields; readonly workspaces: Fields } {
  const common = objectOf(defaults['outbox'])
  const kindOf = (settings: Fields): OutboxKind =>
    (objectOf(settings['outbox'])['kind'] ?? common['kind'] ?? 'sqlite') as OutboxKind
  const kinds = workspaces.map(([, settings]) => kindOf(settings))
  const { path: _path, ...spill } = objectOf(common['spill'])
  return {
    defaults: { ...defaults, outbox: only({ ...common, url: null, spill }, kinds) },
    workspaces: Object.fromEntries(
      workspaces.map(([name, settings], index) => [
        name,
        { ...settings, outbox: fitting(objectOf(settings['outbox']), kinds[index]!, index) },
      ]),
    ),
  }
}

/** The URL of a server of this kind; another one for each number. */
export function urlFor(kind: 'bullmq' | 'postgres', number: number): string {
  return `${kind === 'bullmq' ? 'redis' : 'postgres'}://user:a-key-to-be-masked@host-${number}/1`
}

function fitting(outbox: Fields, kind: OutboxKind, index: number): Fields {
  const { durability, ...fields } = only(outbox, [kind])
  if (kind === 'sqlite') return { ...fields, ...(durability === undefined ? {} : { durability }) }
  const spill = objectOf(fields['spill'])
  return {
    ...fields,
    url: urlFor(kind, index),
    spill: {
      ...spill,
      ...(typeof spill['path'] === 'string' ? { path: `/spills/${index}` } : {}),
      ...(spill['onOutage'] === 'deliver' ? {} : { deliverAfter: null }),
    },
  }
}

function only(outbox: Fields, kinds: readonly OutboxKind[]): Fields {
  const isKept = (key: string): boolean => KINDS_OF[key]?.some((kind) => kinds.includes(kind)) ?? true
  const spill = Object.entries(objectOf(outbox['spill'])).filter(([key]) => isKept(`spill.${key}`))
  return {
    ...Object.fromEntries(Object.entries(outbox).filter(([key]) => isKept(key))),
    spill: Object.fromEntries(spill),
  }
}

function objectOf(value: unknown): Fields {
  return (value ?? {}) as Fields
}
