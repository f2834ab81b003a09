/**
 * Results as a store keeps them: `[value]` as JSON, `[]` for undefined. A result that cannot be kept is not forgotten
 * either, or its operation would be executed again: in its place stands what is wrong with it.
 */
import { type Problem, ValidationError } from '../errors.ts'
import { checkPlain } from '../protocol/plain.ts'

const RESULT_CHARS_MAX = 1_000_000
const FIELD = 'result'

/** Never throws. */
export function textOfResult(result: unknown): string {
  if (result === undefined) return '[]'
  const problem = checkPlain(result, FIELD)
  if (problem !== undefined) return textOfProblem(problem)
  const text = jsonOf(result)
  if (text === undefined) {
    const message = 'cannot be kept as JSON: a toJSON that gives nothing, or another thing each time'
    return textOfProblem({ field: FIELD, reason: 'not-json', message, kind: 'object' })
  }
  if (text.length <= RESULT_CHARS_MAX) return `[${text}]`
  return textOfProblem({
    field: FIELD,
    reason: 'too-long',
    message: `has ${text.length} characters as JSON, at most ${RESULT_CHARS_MAX} are kept`,
    limit: `${RESULT_CHARS_MAX} characters`,
    kind: `JSON of ${text.length} characters`,
  })
}

/** The result, as JSON gives it back. Throws `ValidationError` for one that could not be kept. */
export function resultOfText(text: string): unknown {
  const kept = JSON.parse(text) as readonly unknown[] | { readonly problem: Problem }
  if ('problem' in kept) throw new ValidationError([kept.problem])
  return kept[0]
}

function textOfProblem(problem: Problem): string {
  return JSON.stringify({ problem })
}

function jsonOf(result: unknown): string | undefined {
  try {
    return JSON.stringify(result)
  } catch {
    return undefined
  }
}
