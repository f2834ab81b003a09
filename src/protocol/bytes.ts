/**
 * Sizes in UTF-8, measured only where they could matter: most texts are so short, and most data so small, that no
 * encoding of them reaches the limit.
 */
import type { JsonValue } from './json.ts'
import { DEPTH_MAX } from './plain.ts'

/** A UTF-16 unit is at most 3 bytes of UTF-8, and at most 6 of JSON (`\u0000`). */
const UTF8_BYTES_PER_UNIT = 3
const JSON_BYTES_PER_UNIT = 6

/** A number of JSON at its longest, as -1.2345678901234567e-308. */
const JSON_NUMBER_BYTES = 24

/** Whether a text is longer than so many bytes. */
export function textExceeds(text: string, bytesMax: number): boolean {
  if (text.length * UTF8_BYTES_PER_UNIT <= bytesMax) return false
  return text.length > bytesMax || Buffer.byteLength(text) > bytesMax
}

/** Whether a value is longer than so many bytes as JSON. */
export function jsonExceeds(value: JsonValue, bytesMax: number): boolean {
  return leftAfter(value, bytesMax, DEPTH_MAX) < 0 && jsonBytes(value) > bytesMax
}

/** The bytes of a value as JSON; infinite where it cannot be written at all. */
export function jsonBytes(value: JsonValue): number {
  try {
    return Buffer.byteLength(JSON.stringify(value) ?? '')
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** What is left of `left` bytes when the value has been written at its longest; ends early when nothing is. */
function leftAfter(value: JsonValue, left: number, depthLeft: number): number {
  switch (typeof value) {
    case 'string':
      return left - value.length * JSON_BYTES_PER_UNIT - 2
    case 'object':
      break
    default:
      return left - JSON_NUMBER_BYTES
  }
  if (value === null) return left - 4
  // A `toJSON` may give anything, and what nests too deep is measured by JSON itself.
  if (depthLeft === 0 || typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') return -1
  let rest = left - 2
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length && rest >= 0; index++)
      rest = leftAfter(value[index], rest - 1, depthLeft - 1)
    return rest
  }
  const members = value as Readonly<Record<string, JsonValue>>
  for (const key of Object.keys(members)) {
    rest = leftAfter(members[key]!, rest - key.length * JSON_BYTES_PER_UNIT - 4, depthLeft - 1)
    if (rest < 0) break
  }
  return rest
}
