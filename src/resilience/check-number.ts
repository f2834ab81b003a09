/** The one check for numbers in options: it throws an `OptionsError` that names the field and what it must be. */
import { OptionsError } from '../errors.ts'

export interface NumberRule {
  /** The least allowed value. */
  readonly min?: number
  /** The value must be greater than this. */
  readonly above?: number
  /** The greatest allowed value. Infinity is allowed only by `infinite`. */
  readonly max?: number
  readonly integer?: boolean
  /** Infinity is a value too: it switches the thing off. */
  readonly infinite?: boolean
}

export function checkNumber(field: string, value: unknown, rule: NumberRule): asserts value is number {
  if (typeof value !== 'number') throw new OptionsError(field, `must be a number, not ${typeof value}`)
  if (value === Infinity && rule.infinite === true) return
  const good =
    Number.isFinite(value) &&
    value >= (rule.min ?? -Infinity) &&
    value > (rule.above ?? -Infinity) &&
    value <= (rule.max ?? Infinity) &&
    (rule.integer !== true || Number.isInteger(value))
  if (!good) throw new OptionsError(field, `must be ${sentence(rule)}, not ${value}`)
}

function sentence(rule: NumberRule): string {
  const parts = [rule.integer === true ? 'a whole number' : 'a number']
  if (rule.min !== undefined) parts.push(`of at least ${rule.min}`)
  if (rule.above !== undefined) parts.push(`above ${rule.above}`)
  if (rule.max !== undefined) parts.push(`up to ${rule.max}`)
  return parts.join(' ') + (rule.infinite === true ? ', or Infinity' : '')
}
