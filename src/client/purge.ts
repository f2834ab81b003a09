/** Taking everything of one person out of an outbox. */
import { OptionsError } from '../errors.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { personLane } from '../protocol/lanes.ts'

const PERSON_CHARS_MAX = 1_000

/** @throws OptionsError (`person`) */
export async function purgePerson(outbox: Pick<Outbox, 'purge'>, person: string): Promise<number> {
  if (typeof person !== 'string' || person === '' || person.length > PERSON_CHARS_MAX) {
    throw new OptionsError('person', `must be a text of 1 to ${PERSON_CHARS_MAX} characters`)
  }
  return outbox.purge(personLane({ by: 'path', value: person }))
}
