/** Words of bounded sets pass, everything else does not: an event is no way for a text of a customer into the log. */
const WORD = /^[A-Za-z][A-Za-z0-9_-]{0,39}$/

export function word(value: unknown): string {
  return typeof value === 'string' && WORD.test(value) ? value : 'other'
}
