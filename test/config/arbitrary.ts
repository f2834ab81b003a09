/** Files that the loader takes, made from the table of settings: any of them, or all, each with any value it allows. */
import * as fc from 'fast-check'

import { anyShape } from '../../src/config/rows.ts'
import type { AnyEntry, AnyShape, Setting } from '../../src/config/setting.ts'
import { relaySettings, sharedSettings, workspaceSettings } from '../../src/config/settings.ts'
import { withOutboxes } from './outboxes-that-fit.ts'

/** A file as a plain value. Settings that must go together are put right. */
export function files(): fc.Arbitrary<object> {
  const names = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,39}$/)
  return fc
    .record({
      relay: fields(anyShape(relaySettings), { defaultWorkspace: fc.constant(null) }),
      defaults: fields(anyShape(sharedSettings), {}),
      workspaces: fc.uniqueArray(fc.tuple(names, fields(anyShape(workspaceSettings), {})), {
        minLength: 1,
        maxLength: 3,
        selector: ([name]) => name,
      }),
    })
    .map(({ relay, defaults, workspaces }) => ({
      ...relay,
      listen: { ...listenOf(relay), allowRemote: true, port: 0 },
      ops: null,
      ...withOutboxes(
        defaults,
        workspaces.map(([name, settings], index) => [name, distinct(settings, index)] as const),
      ),
    }))
}

function listenOf({ listen }: Record<string, unknown>): object {
  return listen ?? {}
}

/** No two workspaces with the same credentials. */
function distinct(settings: Record<string, unknown>, index: number): Record<string, unknown> {
  return { ...settings, inbound: [{ siteId: `inbound-${index}`, apiKey: 'a-key-to-be-masked' }] }
}

/** Those that must be given are, the others may be. */
function fields(
  shape: AnyShape,
  instead: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<Record<string, unknown>> {
  const entries = Object.entries(shape).map(([name, entry]) => [name, instead[name] ?? valueOf(name, entry)] as const)
  const required = Object.entries(shape).filter(([, entry]) => entry.is === 'setting' && entry.initial === undefined)
  return fc.record(Object.fromEntries(entries), { requiredKeys: required.map(([name]) => name) })
}

function valueOf(name: string, entry: AnyEntry): fc.Arbitrary<unknown> {
  if (entry.is === 'list') return fc.array(fields(entry.fields, {}), { minLength: 1, maxLength: 2 })
  if (entry.is === 'section') {
    const isTls = name === 'tls'
    return fields(entry.fields, isTls ? { requireClientCert: fc.constant(false) } : {})
  }
  return fc.oneof(
    settingValue(entry).filter((value) => entry.schema.safeParse(value).success),
    ...(entry.initial === null ? [fc.constant(null)] : []),
  )
}

function settingValue(setting: Setting): fc.Arbitrary<unknown> {
  switch (setting.kind) {
    case 'boolean':
      return fc.boolean()
    case 'choice':
      return fc.constantFrom(...setting.choices)
    case 'duration':
      return times
    case 'ages':
      return fc.oneof(times, fc.dictionary(fc.constantFrom(...setting.choices), times))
    case 'size':
      return fc.oneof(
        fc.nat(500_000),
        fc.nat(2_000).map((count) => `${count}KiB`),
        fc.nat(60).map((count) => `${count}MB`),
      )
    case 'whole':
      return fc.oneof(fc.nat(1_000), fc.maxSafeNat())
    case 'number':
      return fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }), fc.constant(100))
    case 'host':
      return fc.constantFrom('127.0.0.1', '::1', 'localhost', '0.0.0.0')
    case 'text':
      // Some names of ours take few of all strings.
      return fc.oneof(fc.string({ minLength: 1, maxLength: 60, unit: 'binary' }), fc.stringMatching(/^[a-z]{1,30}$/))
    case 'url':
      return fc.webUrl()
    default:
      return fc.string({ minLength: 1, maxLength: 60, unit: 'binary' })
  }
}

const times: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(0),
  fc.tuple(fc.nat(2_000), fc.constantFrom('ms', 's', 'm', 'h', 'd')).map(([count, unit]) => `${count}${unit}`),
  fc.double({ min: 0.001, max: 100, noNaN: true }).map((count) => `${count.toFixed(3)}s`),
)
