/** The `device` of a call, both directions. v1 calls its token `id`, v2 `token`. */
import type { AddDeviceCall, DeleteDeviceCall, Dialect, PersonRef } from './call.ts'
import {
  identifierText,
  type Mutable,
  optionalObject,
  optionalSeconds,
  type Problems,
  requiredObject,
  requiredText,
  residue,
} from './fields.ts'
import type { JsonObject } from './json.ts'

const TOKEN_KEY: Readonly<Record<Dialect, string>> = { v1: 'id', v2: 'token' }

const NAMED: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  v1: new Set(['id', 'platform', 'last_used', 'attributes']),
  v2: new Set(['token', 'platform', 'last_used', 'attributes']),
}

const DELETE_NAMED: ReadonlySet<string> = new Set(['token'])

export function decodeAddDevice(
  dialect: Dialect,
  person: PersonRef,
  body: JsonObject,
  extra: JsonObject | undefined,
  problems: Problems,
): AddDeviceCall {
  const device = requiredObject(body, 'device', problems)
  const tokenKey = TOKEN_KEY[dialect]
  const call: Mutable<AddDeviceCall> = {
    dialect,
    type: 'add_device',
    person,
    token: identifierText(device[tokenKey], problems, `device.${tokenKey}`),
    platform: requiredText(device, 'platform', problems, 'device.platform'),
  }
  const lastUsed = optionalSeconds(device, 'last_used', problems, 'device.last_used')
  if (lastUsed !== undefined) call.lastUsed = lastUsed
  const attributes = optionalObject(device, 'attributes', problems, 'device.attributes')
  if (attributes !== undefined) call.attributes = attributes
  const all = withDevice(extra, residue(device, NAMED[dialect]))
  if (all !== undefined) call.extra = all
  return call
}

export function encodeAddDevice(call: AddDeviceCall): JsonObject {
  return {
    ...call.extra,
    device: {
      ...deviceExtra(call.extra),
      [TOKEN_KEY[call.dialect]]: call.token,
      platform: call.platform,
      ...(call.lastUsed !== undefined && { last_used: call.lastUsed }),
      ...(call.attributes && { attributes: call.attributes }),
    },
  }
}

/** v2 only: v1 has the token in its path. */
export function decodeDeleteDevice(
  person: PersonRef,
  body: JsonObject,
  extra: JsonObject | undefined,
  problems: Problems,
): DeleteDeviceCall {
  const device = requiredObject(body, 'device', problems)
  const token = identifierText(device['token'], problems, 'device.token')
  const all = withDevice(extra, residue(device, DELETE_NAMED))
  return { dialect: 'v2', type: 'delete_device', person, token, ...(all && { extra: all }) }
}

export function encodeDeleteDevice(call: DeleteDeviceCall): JsonObject {
  return { ...call.extra, device: { ...deviceExtra(call.extra), token: call.token } }
}

function withDevice(extra: JsonObject | undefined, device: JsonObject | undefined): JsonObject | undefined {
  return device === undefined ? extra : { ...extra, device }
}

function deviceExtra(extra: JsonObject | undefined): JsonObject {
  return (extra?.['device'] ?? {}) as JsonObject
}
