/** Problems in the words of v1's 400 answers, where those are known (docs.customer.io, "invalid API requests"). */
import type { Problem } from '../errors.ts'

export function v1Text({ field, reason, message }: Problem): string {
  if (field === 'name' && reason === 'required') return 'name cannot be blank'
  if (field === 'data' && reason === 'type') return 'event data must be a hash'
  return `${field} ${message}`
}
