/** The words of a pause for all, checked: everybody who shares the outbox gets to read them. */
import { OptionsError } from '../errors.ts'
import type { SharedPause } from '../outbox/outbox.ts'
import { known } from './options.ts'

export interface PauseWords {
  /** Who pauses: a name or a program, 1 to 200 characters. */
  readonly who: string
  /** Up to 1,000 characters. @defaultValue none */
  readonly why?: string
}

const WHO_CHARS_MAX = 200
const WHY_CHARS_MAX = 1_000

/** @throws OptionsError naming the field */
export function sharedPauseOf(words: PauseWords, atMs: number): SharedPause {
  if (typeof words !== 'object' || words === null) throw new OptionsError('pause', 'must be an object with who and why')
  known(words, { who: true, why: true }, '')
  const { who, why = '' } = words
  if (typeof who !== 'string' || who.trim() === '' || who.length > WHO_CHARS_MAX) {
    throw new OptionsError('who', `must be a text of 1 to ${WHO_CHARS_MAX} characters`)
  }
  if (typeof why !== 'string' || why.length > WHY_CHARS_MAX) {
    throw new OptionsError('why', `must be a text of at most ${WHY_CHARS_MAX} characters`)
  }
  return { who, why, atMs }
}
