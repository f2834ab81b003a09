/**
 * Makes `demo/data/shop.ndjson`, a day of a coffee shop with subscriptions: `node demo/generate-data.ts`. The same seed
 * gives the same file; a test holds that the file is the one that this program makes.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { seededRandom } from '../src/testing/seeded-random.ts'
import { writeLines } from './calls/line.ts'
import { DATA_URL } from './calls/read.ts'
import { knownCustomer } from './shop/customer.ts'
import { guestDay, leaverDay, memberDay, newcomerDay, officeDay, passerByDay, readerDay } from './shop/days.ts'
import { Chance, Day, Diary } from './shop/diary.ts'

const SEED = 20_260_312
const MEMBERS = 150
const NEWCOMERS = 62
const PASSERS_BY = 44
const GUESTS = 16
const READERS = 14
const LEAVERS = 14

export function generate(): string {
  const chance = new Chance(seededRandom(SEED))
  const day = new Day()
  const diary = (fromMs: number): Diary => new Diary(chance, day, fromMs)
  const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

  const members = times(MEMBERS, (index) => knownCustomer(`u${10_000 + index * 7}`, chance))
  // Who ordered as a guest has an account too, and does nothing else today.
  const accounts = times(GUESTS, (index) => knownCustomer(`u${20_000 + index * 11}`, chance))
  for (const member of members) memberDay(diary(0), member)
  times(NEWCOMERS, (index) => newcomerDay(diary(chance.arrivalMs()), `u${31_000 + index}`))
  times(PASSERS_BY, () => passerByDay(diary(chance.arrivalMs())))
  for (const [index, account] of accounts.entries())
    guestDay(diary(chance.arrivalMs()), `guest-${900 + index}`, account)
  times(READERS, (index) => readerDay(diary(chance.arrivalMs()), `reader${index + 1}@example.com`))
  times(LEAVERS, (index) => leaverDay(diary(0), knownCustomer(`u${40_000 + index * 3}`, chance)))
  officeDay(diary(0), members)

  return writeLines(day.lines.toSorted((a, b) => a.offsetMs - b.offsetMs))
}

if (import.meta.main) writeFileSync(fileURLToPath(DATA_URL), generate())
