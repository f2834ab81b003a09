/**
 * JSON in one form: the same content gives the same text, whatever the order of its members. As RFC 8785 has it: no
 * white space, members sorted by UTF-16 code units, numbers and texts as `JSON.stringify` writes them. So a member
 * that is undefined is left out, a date is its ISO text, an object with `toJSON` is what that gives, -0 is 0.
 */
import { ValidationError } from '../errors.ts'
import { checkPlain } from '../protocol/plain.ts'

/**
 * The canonical text of a value, or undefined for undefined.
 * Throws `ValidationError` for what JSON cannot carry. @param field how the value is called in the error.
 */
export function canonicalJson(value: unknown, field: string): string | undefined {
  const problem = checkPlain(value, field)
  if (problem !== undefined) throw new ValidationError([problem])
  // What JSON makes of it has neither `toJSON` nor undefined nor classes any more; only the order is left to decide.
  const text: string | undefined = JSON.stringify(value)
  return text === undefined ? undefined : sorted(JSON.parse(text))
}

function sorted(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`
  const members = value as Readonly<Record<string, unknown>>
  const parts = Object.keys(members)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${sorted(members[key])}`)
  return `{${parts.join(',')}}`
}
