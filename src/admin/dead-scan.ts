/**
 * Looking through dead letters, page by page and up to a bound: to group them, to count those that match, and to act on
 * exactly those that were counted.
 */
import type { DeadLetter, DeadLetters } from '../client/dead-letters.ts'
import { AdminError } from './admin-error.ts'
import type { AdminWorkspace } from './relay.ts'
import { countText } from './spans.ts'
import type { DeadChoice, DeadFilter, DeadGroups, ResolveCommand, ResolveReport } from './contract.ts'
import { createGrouping } from './dead-groups.ts'

const PAGE = 500
/** Looked at in one scan. */
export const SCAN_MAX = 100_000
/** Given to the outbox at once. */
const ACT_MAX = 1_000

export async function groupsOf(letters: Pick<DeadLetters, 'list'>): Promise<DeadGroups> {
  const grouping = createGrouping()
  let scanned = 0
  let complete = true
  for await (const letter of scan(letters, {})) {
    if (scanned === SCAN_MAX) {
      complete = false
      break
    }
    scanned++
    if (!grouping.add(letter)) complete = false
  }
  return { groups: grouping.groups(), scanned, complete }
}

/** Replays or drops, or only counts. Throws where the number is not the one that is expected; then nothing is done. */
export async function resolveChosen(
  workspace: Pick<AdminWorkspace, 'deadLetters' | 'stats'>,
  how: 'replay' | 'drop',
  { choice, expectedCount, dryRun = false }: ResolveCommand,
): Promise<ResolveReport> {
  const { deadLetters } = workspace
  // All of them need not be looked through: their number is known.
  const everything = !('positions' in choice) && Object.keys(choice.filter ?? {}).length === 0
  const positions = everything ? [] : await positionsOf(deadLetters, choice)
  const matched = everything ? (await workspace.stats()).deadLetters : positions.length
  if (expectedCount !== undefined && expectedCount !== matched) {
    const message = `${countText(matched, 'dead letter')} would be concerned, not ${expectedCount}: look again`
    throw new AdminError('count-changed', message, { field: 'expectedCount' })
  }
  if (dryRun) return { matched, done: 0, dryRun }
  if (everything) return { matched, done: await deadLetters[how]({ all: true }), dryRun }
  let done = 0
  for (let from = 0; from < matched; from += ACT_MAX) {
    done += await deadLetters[how]({ positions: positions.slice(from, from + ACT_MAX) })
  }
  return { matched, done, dryRun }
}

/** The set is that of now: what dies later is not among it. */
async function positionsOf(letters: Pick<DeadLetters, 'list'>, choice: DeadChoice): Promise<readonly string[]> {
  if ('positions' in choice) return [...new Set(choice.positions)]
  const positions: string[] = []
  let scanned = 0
  for await (const letter of scan(letters, choice.filter ?? {})) {
    if (++scanned > SCAN_MAX) {
      throw new AdminError('too-many', `more than ${SCAN_MAX} dead letters would have to be looked through: say which`)
    }
    if (matches(letter, choice.filter ?? {})) positions.push(letter.position)
  }
  return positions
}

async function* scan(
  letters: Pick<DeadLetters, 'list'>,
  { reason, person }: DeadFilter,
): AsyncGenerator<DeadLetter, void, undefined> {
  const filter = { ...(reason === undefined ? {} : { reason }), ...(person === undefined ? {} : { person }) }
  let after: string | null = null
  do {
    const page: Awaited<ReturnType<DeadLetters['list']>> = await letters.list({
      ...filter,
      ...(after === null ? {} : { after }),
      limit: PAGE,
    })
    yield* page.deadLetters
    after = page.after
  } while (after !== null)
}

function matches(letter: DeadLetter, { type, status, field }: DeadFilter): boolean {
  return (
    (type === undefined || letter.type === type) &&
    (status === undefined || letter.status === status) &&
    (field === undefined || letter.field === field)
  )
}
