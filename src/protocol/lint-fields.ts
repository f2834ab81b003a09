/** The rules that several calls share: sizes, times, sets of values. Each adds to the problems what it finds. */
import { textExceeds } from './bytes.ts'
import type { Problems } from './fields.ts'
import { kindOf } from './kind.ts'

/** The year 1973 in milliseconds, the year 5138 in seconds: beyond it, no program means the latter. */
const SECONDS_MAX = 99_999_999_999

export function tooLong(problems: Problems, field: string, limit: string, kind: string): void {
  problems.push({ field, reason: 'too-long', message: `is too long: ${kind}, the limit is ${limit}`, limit, kind })
}

export function tooMany(problems: Problems, field: string, count: number, max: number, things: string): void {
  const limit = `${max} ${things}`
  const kind = `${count} ${things}`
  problems.push({ field, reason: 'too-many', message: `holds ${kind}, the limit is ${limit}`, limit, kind })
}

export function badFormat(problems: Problems, field: string, message: string): void {
  problems.push({ field, reason: 'format', message })
}

/** A text that may not be blank and has a limit. */
export function lintText(text: string, bytesMax: number, problems: Problems, field: string): void {
  if (text.trim() === '') problems.push({ field, reason: 'blank', message: 'must not be blank' })
  else if (textExceeds(text, bytesMax)) tooLong(problems, field, `${bytesMax} bytes`, kindOf(text))
}

/** A time in unix seconds. */
export function lintSeconds(seconds: number | undefined, problems: Problems, field: string): void {
  if (seconds === undefined) return
  lintMilliseconds(seconds, problems, field)
  if (seconds < 0) {
    problems.push({ field, reason: 'negative', message: 'must be unix seconds, not a negative number' })
  } else if (!Number.isInteger(seconds)) {
    problems.push({ field, reason: 'not-integer', message: 'must be whole unix seconds' })
  }
}

/** Milliseconds are not refused by Customer.io; they are taken for seconds in a far future. */
export function lintMilliseconds(value: unknown, problems: Problems, field: string): void {
  if (typeof value !== 'number' || value <= SECONDS_MAX) return
  problems.push({ field, reason: 'milliseconds', message: 'must be unix seconds; these look like milliseconds' })
}

export function lintOneOf(text: string, allowed: readonly string[], problems: Problems, field: string): void {
  if (allowed.includes(text)) return
  problems.push({ field, reason: 'unknown-value', message: `must be one of ${allowed.join(', ')}` })
}
