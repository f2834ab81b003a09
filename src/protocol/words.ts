/**
 * Problems in the words of Customer.io's answers, where those are known: v1's from its page on invalid API requests,
 * v2's from an example of a 207 that a client's tests hold. Elsewhere our own words stand.
 */
import type { Problem } from '../errors.ts'
import type { Dialect } from './call.ts'
import { ATTRIBUTE_NAME_BYTES_MAX, ATTRIBUTE_VALUE_BYTES_MAX, ATTRIBUTES_MAX } from './limits.ts'

export function inTheirWords(problem: Problem, dialect: Dialect): Problem {
  return dialect === 'v1' ? { ...problem, message: v1Text(problem) } : v2Error(problem)
}

function v1Text({ field, reason, message, limit }: Problem): string {
  const attribute = field.startsWith('attributes.') ? field.slice('attributes.'.length) : undefined
  switch (`${attribute === undefined ? field : 'attribute'} ${reason}`) {
    case 'name required':
      return 'name cannot be blank'
    case 'name blank':
      return 'event name must not be blank'
    case 'name too-long':
      return limit?.endsWith('bytes') === true
        ? `event name cannot be longer than ${limit}`
        : 'event name must be less than 500 characters'
    case 'data type':
      return 'event data must be a hash'
    case 'data too-long':
      return `event data cannot be longer than ${limit}`
    case 'attributes too-many':
      return `cannot identify more than ${ATTRIBUTES_MAX} attributes in one request`
    case 'attribute too-long':
      return limit === `${ATTRIBUTE_NAME_BYTES_MAX} bytes`
        ? `attribute name cannot be longer than ${limit}`
        : `value for attribute '${attribute}' cannot be longer than ${limit}`
    case 'id mismatch':
      return 'id attribute and identifier are not the same value'
    default:
      return `${field} ${message}`
  }
}

/** The reasons that v2 knows are not published; `invalid` is the one that was seen. */
function v2Error(problem: Problem): Problem {
  const { field, reason, limit } = problem
  if (reason === 'required') return problem
  const isValue =
    field.startsWith('attributes.') && reason === 'too-long' && limit === `${ATTRIBUTE_VALUE_BYTES_MAX} bytes`
  return isValue
    ? { field, reason: 'invalid', message: `property value cannot be longer than ${limit}` }
    : { ...problem, reason: 'invalid' }
}
