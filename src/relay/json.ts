/**
 * JSON as it came, or a value that says that it cannot be kept: no number is silently another one afterwards.
 *
 * JavaScript's numbers are doubles. An integer that is none becomes a bigint here, which the checks of a call refuse by
 * the name of its field, in a batch for its item alone; a number beyond all doubles is Infinity already, one that would
 * become 0 is NaN, and both are refused likewise. A fraction becomes the nearest double, as for every reader of JSON that
 * has doubles: what is lost lies beyond its 15th digit.
 *
 * Of a key that comes twice the last one counts, as for most readers. `__proto__` is a key like any other.
 */

/** Only such digits can be changed; most bodies have none of them. */
const SUSPICIOUS = /\d{16}|e-\d{3}/i

/** @throws SyntaxError for what is no JSON, RangeError for what nests too deep */
export function parseExactly(text: string): unknown {
  return SUSPICIOUS.test(text) ? JSON.parse(text, exactly as Reviver) : JSON.parse(text)
}

type Reviver = (key: string, value: unknown) => unknown

function exactly(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined) return value
  const { source } = context
  if (value === 0) return /^[^e]*[1-9]/i.test(source) ? Number.NaN : value
  return /^-?\d+$/.test(source) && BigInt(source) !== BigInt(value) ? BigInt(source) : value
}
