/** JSON bodies as nobody should send them: random values, the awkward ones often. */
import type { Random } from '../../src/runtime/runtime.ts'

export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}

export function pick<const Item>(random: Random, items: readonly Item[]): Item {
  return items[below(random, items.length)]!
}

/** JSON texts of single values; some are none. */
const VALUES = [
  'null',
  'true',
  '0',
  '-0',
  '1e999',
  '-1e999',
  '123456789012345678901234567890',
  '0.1e-400',
  'NaN',
  '01',
  '"\\ud800"',
  '"\\u0000"',
  '"\u0000"',
  '"\\x"',
  '"😀"',
  '""',
  '"2026-01-01T00:00:00Z"',
  '1700000000',
  '1e18',
  '[]',
  '{}',
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"a":1,"a":2}',
  '{"toString":null}',
] as const

const NAMES = [
  'id',
  'email',
  'name',
  'data',
  'timestamp',
  'created_at',
  'type',
  'action',
  'identifiers',
  'attributes',
  'batch',
  'device',
  'primary',
  'secondary',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'length',
  '',
  'a.b',
  '\\u0000',
] as const

/** A text that is JSON most of the time. */
export function jsonText(random: Random, depth = 0): string {
  const roll = random()
  if (depth > 4 || roll < 0.35) return pick(random, VALUES)
  if (roll < 0.45) return `"${'x'.repeat(below(random, 200))}"`
  if (roll < 0.6) return `[${Array.from({ length: below(random, 5) }, () => jsonText(random, depth + 1)).join(',')}]`
  const members = Array.from(
    { length: below(random, 6) },
    () => `"${pick(random, NAMES)}":${jsonText(random, depth + 1)}`,
  )
  return `{${members.join(',')}}`
}

export function body(random: Random): Buffer {
  const roll = random()
  if (roll < 0.6) return Buffer.from(jsonText(random))
  if (roll < 0.7) return Buffer.from('['.repeat(1 + below(random, 20_000)))
  if (roll < 0.75) return Buffer.from(`{"a":${'{"a":'.repeat(500)}1${'}'.repeat(501)}`)
  if (roll < 0.8) return Buffer.from(`\ufeff${jsonText(random)}`)
  if (roll < 0.85) return Buffer.from([0x22, 0xc3, 0x28, 0xff, 0x22])
  if (roll < 0.9) return Buffer.alloc(0)
  if (roll < 0.95) return bytes(random, below(random, 500))
  return Buffer.from(`{"name":"${'y'.repeat(below(random, 100_000))}"}`)
}

export function bytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => below(random, 256)))
}
