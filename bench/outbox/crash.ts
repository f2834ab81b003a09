/** `kill -9`, freezes and kills of the server, while operations are stored and delivered by several processes. */
import type { Case, Context, Row } from '../case.ts'
import { count } from '../numbers.ts'
import { isClean, sumOf } from './crash/account.ts'
import { runWorld, type WorldOptions, type WorldResult } from './crash/world.ts'
import { type StoreName, STORES } from './stores.ts'

const SIZES = {
  full: { operations: 20_000, people: 2_000, seeds: 5, kills: 8, freezes: 3, serverKills: 5 },
  quick: { operations: 1_000, people: 100, seeds: 1, kills: 2, freezes: 1, serverKills: 1 },
} as const

const LEASE_MS = 4_000
const ATTEMPT_MS = 1_500

type Struck = 'consumers' | 'server'

async function measure(context: Context, store: StoreName, struck: Struck): Promise<Row> {
  const { operations, people, seeds, kills, freezes, serverKills } = SIZES[context.scale]
  const blows = struck === 'consumers' ? { kills, freezes, serverKills: 0 } : { kills: 0, freezes: 0, serverKills }
  const results: WorldResult[] = []
  for (let seed = 1; seed <= seeds; seed++) {
    const options: WorldOptions = {
      ...blows,
      store,
      seed,
      operations,
      people,
      folder: context.folder,
      leaseMs: LEASE_MS,
      attemptMs: ATTEMPT_MS,
    }
    const result = await runWorld(options)
    results.push(result)
    context.say(`crash, ${store}, ${struck}, seed ${seed} of ${seeds}: ${JSON.stringify(result)}`)
  }
  const account = sumOf(results.map((result) => result.account))
  const total = (field: 'busyBlows' | 'again' | 'requests'): number =>
    results.reduce((sum, result) => sum + result[field], 0)
  const times = seeds * (blows.kills + blows.freezes + blows.serverKills)
  const what =
    struck === 'consumers'
      ? `crash runs, ${store}: ${seeds} times ${kills} kills and ${freezes} freezes of 2 consumers`
      : `crash runs, ${store}: ${seeds} times ${serverKills} kills of the server`
  return {
    what,
    required: '0 lost, 0 overtakes, 0 wrong final states, duplicates with the same id',
    measured:
      `${count(account.lost)} lost of ${count(account.operations)}, ${count(account.overtakes)} overtakes, ` +
      `${count(account.wrongFinals)} wrong final states, ${count(account.duplicates)} duplicates, ` +
      `${count(account.strangers)} with another id or time, ${count(account.late)} late, ` +
      `${count(account.lateFinals)} final states by late ones, ` +
      `${count(account.storedTwice)} stored twice ` +
      `(${count(total('busyBlows'))} of ${count(times)} blows while a request was under way, ` +
      `${count(total('again'))} appends made again)`,
    holds: isClean(account),
    isMust: true,
    numbers: { ...account, blows: times, busyBlows: total('busyBlows'), again: total('again') },
  }
}

export const crash: Case = {
  name: 'crash',
  async run(context) {
    const rows: Row[] = []
    for (const store of STORES) {
      for (const struck of ['consumers', 'server'] as const) rows.push(await measure(context, store, struck))
    }
    return rows
  },
}
