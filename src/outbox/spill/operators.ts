/**
 * What operators and receipts ask of both outboxes. Nothing here answers for the file alone: half of a list or of a
 * purge would pass for the whole.
 */
import { OutboxError } from '../../errors.ts'
import type { DeadSelection, EntryState, ListPage, ListQuery, Position } from '../outbox.ts'
import type { HandoverOutbox, Whereabouts } from '../sqlite/handover.ts'
import { isAway } from './away.ts'
import { isMarked, marked, markedPage, unmarked, zipped } from './names.ts'
import type { Remote } from './remote.ts'
import type { Turnstile } from './turnstile.ts'

/** A list goes on at the beginning of the file, or, the other way round, of the remote outbox. */
const START_OF_FILE = marked('')
const START_OF_REMOTE = marked('remote')

export interface OperatorsParts {
  readonly remote: Remote
  readonly file: HandoverOutbox
  /** While one passes, nothing goes over from the file. */
  readonly turnstile: Turnstile
  /** Something waits in the file that did not. */
  readonly replayed: () => void
}

export class Operators {
  readonly #parts: OperatorsParts

  constructor(parts: OperatorsParts) {
    this.#parts = parts
  }

  /** The file first: what is not there any more is in the remote outbox by now. */
  async mayHold(lanes: readonly string[]): Promise<boolean> {
    const { remote, file } = this.#parts
    if ((await file.mayHold(lanes)) || remote.opened === undefined) return true
    try {
      return await remote.opened.mayHold(lanes)
    } catch (error) {
      if (isAway(error)) return true
      throw error
    }
  }

  async lookup(positions: readonly Position[]): Promise<readonly EntryState[]> {
    const { remote, file } = this.#parts
    const own = positions.filter(isMarked).map(unmarked)
    const found: readonly Whereabouts[] = own.length === 0 ? [] : await file.whereabouts(own)
    const elsewhere = positions.filter((position) => !isMarked(position))
    const handed = found.flatMap((state) => (state.state === 'handed' ? [state.to] : []))
    const asked = [...handed, ...elsewhere]
    const states = asked.length === 0 ? [] : await remote.get().lookup(asked)
    let next = 0
    const ownStates = found.map((state): EntryState => (state.state === 'handed' ? states[next++]! : state))
    return zipped(positions, isMarked, ownStates, states.slice(handed.length))
  }

  /** What is in the file comes after all that is in the remote outbox. */
  list(query: ListQuery): Promise<ListPage> {
    return this.#parts.turnstile.pass(() =>
      query.order === 'newest-first' ? this.#listBackwards(query) : this.#listForwards(query),
    )
  }

  async resolveDead(selection: DeadSelection, how: 'replay' | 'drop'): Promise<number> {
    const { remote, file, replayed } = this.#parts
    const isByPosition = 'positions' in selection
    const own = isByPosition ? { positions: selection.positions.filter(isMarked).map(unmarked) } : selection
    const others = isByPosition ? { positions: selection.positions.filter((each) => !isMarked(each)) } : selection
    const isNeeded = (some: DeadSelection): boolean => !('positions' in some) || some.positions.length > 0
    const there = isNeeded(others) ? await remote.get().resolveDead(others, how) : 0
    const here = isNeeded(own) ? await file.resolveDead(own, how) : 0
    if (here > 0 && how === 'replay') replayed()
    return there + here
  }

  /** The file first, so that what is in it does not go out while the remote outbox is away. */
  purge(lane: string): Promise<number> {
    const { remote, file, turnstile } = this.#parts
    return turnstile.pass(async () => {
      const here = await file.purge(lane)
      try {
        return here + (await remote.get().purge(lane))
      } catch (error) {
        if (!isAway(error)) throw error
        const message = `${here} operations in the spill were purged, and the outbox itself is away: purge again when it is back`
        throw new OutboxError('OUTBOX_UNAVAILABLE', message, { cause: error })
      }
    })
  }

  async #listForwards(query: ListQuery): Promise<ListPage> {
    const isInFile = query.after !== undefined && isMarked(query.after)
    const remote = this.#parts.remote.get()
    const page: ListPage = isInFile ? { entries: [], after: null } : await remote.list(query)
    if (page.after !== null) return page
    const rest = await this.#listFile(query, query.limit - page.entries.length)
    return { entries: [...page.entries, ...rest.entries], after: rest.after }
  }

  async #listBackwards(query: ListQuery): Promise<ListPage> {
    const remote = this.#parts.remote.get()
    const isInFile = query.after === undefined || (isMarked(query.after) && query.after !== START_OF_REMOTE)
    const page: ListPage = isInFile ? await this.#listFile(query, query.limit) : { entries: [], after: null }
    if (page.after !== null) return page
    const { after, ...rest } = query
    const from = after === undefined || isMarked(after) ? rest : query
    const limit = query.limit - page.entries.length
    // Only to know whether there is more.
    const next = await remote.list({ ...from, limit: Math.max(1, limit) })
    if (limit > 0) return { entries: [...page.entries, ...next.entries], after: next.after }
    return { entries: page.entries, after: next.entries.length > 0 ? START_OF_REMOTE : null }
  }

  async #listFile(query: ListQuery, limit: number): Promise<ListPage> {
    const { after, ...rest } = query
    const isInFile = after !== undefined && isMarked(after) && after !== START_OF_FILE
    const from = isInFile ? { ...rest, after: unmarked(after) } : rest
    if (limit > 0) return markedPage(await this.#parts.file.list({ ...from, limit }))
    const { entries } = await this.#parts.file.list({ ...from, limit: 1 })
    return { entries: [], after: entries.length > 0 ? START_OF_FILE : null }
  }
}
