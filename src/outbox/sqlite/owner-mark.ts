/** The mark of a file's owner as it is seen from outside: an owner that lives changes it each second. */
import { type Clock, sleep } from '../../runtime/clock.ts'

/** As they stand in the file. `owner` is 0 where nobody delivers from it. */
export interface OwnerMark {
  readonly owner: number
  readonly beat: number
}

const BEAT_MS_MAX = 2_500
const LOOK_MS = 100

/**
 * Whether a process delivers from the file now. Takes up to 2.5 s where one that has died did.
 * @param read reads the mark anew
 */
export async function hasLivingOwner(read: () => OwnerMark, clock: Clock): Promise<boolean> {
  const first = read()
  if (first.owner === 0) return false
  const endMs = clock.monotonicMs() + BEAT_MS_MAX
  while (clock.monotonicMs() < endMs) {
    await sleep(clock, LOOK_MS, undefined, 'held')
    const { owner, beat } = read()
    if (owner === 0) return false
    if (owner !== first.owner || beat !== first.beat) return true
  }
  return false
}
