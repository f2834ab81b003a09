/** The end of a world: all that was stored is settled, and the outbox says what it counts. */
import { setTimeout as passed } from 'node:timers/promises'

import { storedOf } from '../../../src/outbox/entry.ts'
import type { ListedEntry, Outbox, Position } from '../../../src/outbox/outbox.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { openerOf, type StoreName } from '../stores.ts'

const LOOK_MS = 100
/** Nothing that takes longer comes any more: what is left then is lost. */
const STILL_MS_MAX = 60_000
const PAGE = 1_000

export interface End {
  /** Numbers of dead letters. */
  readonly dead: readonly number[]
  readonly accepted: number
}

/** @param check throws when a process of the world has failed */
export async function endOf(store: StoreName, url: string, check: () => void): Promise<End> {
  const open = await openerOf(store, url)
  const outbox = await open({ runtime: systemRuntime, workspace: 'site', notice: () => {} })
  try {
    await settled(outbox, check)
    const { totals, lost, deadLetters } = await outbox.stats()
    const dead = (await deadOf(outbox)).map(numberOf)
    if (lost !== 0 || totals.delivered + totals.dead !== totals.accepted || dead.length !== deadLetters) {
      throw new Error(`the outbox's own account does not hold: ${JSON.stringify({ ...totals, lost, deadLetters })}`)
    }
    return { dead, accepted: totals.accepted }
  } finally {
    await outbox.close()
  }
}

async function settled(outbox: Outbox, check: () => void): Promise<void> {
  let last = Infinity
  let changedMs = performance.now()
  for (;;) {
    check()
    const { waiting } = await outbox.stats()
    if (waiting === 0) return
    if (waiting !== last) changedMs = performance.now()
    last = waiting
    if (performance.now() - changedMs > STILL_MS_MAX) throw new Error(`${waiting} operations are not delivered`)
    await passed(LOOK_MS)
  }
}

async function deadOf(outbox: Outbox): Promise<readonly ListedEntry[]> {
  const all: ListedEntry[] = []
  let after: Position | null | undefined
  while (after !== null) {
    const page = await outbox.list({ from: 'dead', limit: PAGE, ...(after === undefined ? {} : { after }) })
    all.push(...page.entries)
    after = page.after
  }
  return all
}

function numberOf({ body }: ListedEntry): number {
  const { call } = storedOf(body)
  const fields = call.type === 'event' ? call.data : call.type === 'identify' ? call.attributes : {}
  return Number(fields['number'])
}
