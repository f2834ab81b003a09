/** A purge as operators do it: counted first, then done. */
import type { Position } from '../outbox/outbox.ts'
import type { PurgeCommand, PurgeReport } from './contract.ts'
import type { DeskWorkspace } from './desk.ts'

const PAGE = 1_000

interface Page {
  readonly count: number
  readonly after: Position | null
}

export async function purgeOne(
  workspace: Pick<DeskWorkspace, 'queue' | 'deadLetters' | 'purge'>,
  { person, dryRun = false }: PurgeCommand,
): Promise<PurgeReport> {
  const { queue, deadLetters } = workspace
  if (!dryRun) {
    const done = await workspace.purge(person)
    return { matched: done, done, dryRun }
  }
  const waiting = await countAll(async (after) => {
    const page = await queue.list({ person, limit: PAGE, ...after })
    return { count: page.operations.length, after: page.after }
  })
  const dead = await countAll(async (after) => {
    const page = await deadLetters.list({ person, limit: PAGE, ...after })
    return { count: page.deadLetters.length, after: page.after }
  })
  return { matched: waiting + dead, done: 0, dryRun }
}

async function countAll(pageAfter: (after: { readonly after?: Position }) => Promise<Page>): Promise<number> {
  let total = 0
  let after: Position | null = null
  do {
    const page: Page = await pageAfter(after === null ? {} : { after })
    total += page.count
    after = page.after
  } while (after !== null)
  return total
}
