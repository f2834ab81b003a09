/**
 * How Customer.io writes down what is wrong with a request: v1 as `{"meta":{"error"}}` or, for several,
 * `{"meta":{"errors"}}`, v2 as `{"errors":[{reason, field, message}]}`, in a 207 with the item's place. Relay and simulator
 * answer with these.
 */
import type { Problem } from '../errors.ts'
import type { Dialect } from './call.ts'

/** What a request without the right credentials is told. */
export const UNAUTHORIZED_WORDS = 'Unauthorized request'

/** One error of a v2 answer; `batch_index` only in a 207. */
export interface WireError {
  readonly batch_index?: number
  readonly reason: string
  readonly field: string
  readonly message: string
}

/** The body of a refusal in the shape of v1. */
export function metaBody(texts: readonly string[]): {
  readonly meta: { readonly error?: string; readonly errors?: readonly string[] }
} {
  const [first = ''] = texts
  return { meta: texts.length === 1 ? { error: first } : { errors: texts } }
}

/** The body of a refusal, or of a 207, in the shape of v2. */
export function errorsBody(errors: readonly WireError[]): { readonly errors: readonly WireError[] } {
  return { errors }
}

/** Problems as errors of a v2 answer. @param batchIndex the place of the item, in a 207. */
export function wireErrorsOf(problems: readonly Problem[], batchIndex?: number): readonly WireError[] {
  const place = batchIndex === undefined ? {} : { batch_index: batchIndex }
  return problems.map(({ reason, field, message }) => ({ ...place, reason, field, message }))
}

/** The body of a refusal of a whole request, in the shape of its dialect. */
export function refusalBody(dialect: Dialect, problems: readonly Problem[]): object {
  return dialect === 'v1' ? metaBody(problems.map(({ message }) => message)) : errorsBody(wireErrorsOf(problems))
}
