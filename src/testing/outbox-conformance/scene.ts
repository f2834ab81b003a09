/** What a conformance case plays on: an outbox under test, its time, and short words for what the cases do most. */
import assert from 'node:assert/strict'

import type {
  AppendResult,
  Claim,
  ClaimedEntry,
  ClaimWant,
  LeaseState,
  NewEntry,
  Outbox,
  OutboxNotice,
  Verdict,
} from '../../outbox/outbox.ts'

/** One open handle on the outbox under test. */
export interface OutboxHandle {
  readonly outbox: Outbox
  /** What the outbox has said so far. */
  readonly notices: readonly OutboxNotice[]
  /** Ends the handle's timers without closing it, as the death of its process does. */
  readonly kill: () => void
}

/** One store, fresh. Each `open` gives another handle on the same one. */
export interface OutboxUnderTest {
  readonly open: () => Promise<OutboxHandle>
  readonly advance: (byMs: number) => Promise<void>
  readonly wallMs: () => number
  readonly jumpWallMs: (byMs: number) => void
  /** Removes what is left of it. */
  readonly dispose: () => Promise<void>
}

export interface OutboxSubject {
  /** `real`: `advance` waits, the wall clock cannot be moved, and handles cannot be killed. */
  readonly time: 'virtual' | 'real'
  /** Whether one store can have several handles at a time, and then, whether one of them delivers or all. */
  readonly handles: 'one' | 'several' | 'all-deliver'
  /** Whether an append may be part of the caller's transaction. */
  readonly transactions?: boolean
  readonly make: (limits: {
    readonly maxOperations?: number
    readonly maxBytes?: number
    readonly rememberKeysMs?: number
    readonly maxResults?: number
    readonly maxResultChars?: number
  }) => Promise<OutboxUnderTest>
}

export interface SceneCase {
  readonly name: string
  readonly limits?: Parameters<OutboxSubject['make']>[0]
  readonly needs?: (subject: OutboxSubject) => boolean
  readonly run: (scene: Scene) => Promise<void>
}

export const virtualTime = (subject: OutboxSubject): boolean => subject.time === 'virtual'
export const severalHandles = (subject: OutboxSubject): boolean => subject.handles !== 'one'
export const oneDelivers = (subject: OutboxSubject): boolean => subject.handles === 'several'
export const allDeliver = (subject: OutboxSubject): boolean => subject.handles === 'all-deliver'

export async function runCase(subject: OutboxSubject, each: SceneCase): Promise<void> {
  const store = await subject.make(each.limits ?? {})
  const handles: OutboxHandle[] = []
  try {
    const open = async (): Promise<OutboxHandle> => {
      const handle = await store.open()
      handles.push(handle)
      return handle
    }
    await each.run(new Scene(store, open, await open()))
  } finally {
    for (const handle of handles) await handle.outbox.close()
    await store.dispose()
  }
}

/** An entry with readable defaults: lane `a`, live. */
export function entry(id: string, fields: Partial<NewEntry> = {}): NewEntry {
  return {
    id,
    lanes: ['a'],
    type: 'event',
    priority: 'live',
    acceptedAtMs: 1_767_225_600_000,
    expiresAtMs: null,
    campaignAtMs: null,
    keyed: false,
    body: `{"v":1,"call":"${id}"}`,
    ...fields,
  }
}

/** `count` entries `prefix0`, `prefix1` ..., each in a lane of its own. */
export function crowd(prefix: string, count: number, fields: Partial<NewEntry> = {}): readonly NewEntry[] {
  return Array.from({ length: count }, (_, index) =>
    entry(`${prefix}${index}`, { lanes: [`lane ${prefix}${index}`], ...fields }),
  )
}

const LONG_MS = 600_000

export class Scene {
  readonly store: OutboxUnderTest
  readonly open: () => Promise<OutboxHandle>
  handle: OutboxHandle

  constructor(store: OutboxUnderTest, open: () => Promise<OutboxHandle>, handle: OutboxHandle) {
    this.store = store
    this.open = open
    this.handle = handle
  }

  get outbox(): Outbox {
    return this.handle.outbox
  }

  append(...entries: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    return this.outbox.append(entries)
  }

  claim(want: Partial<ClaimWant> = {}): Promise<Claim> {
    return this.outbox.claim({ entriesMax: 1_000, bytesMax: 100_000_000, leaseMs: LONG_MS, ...want })
  }

  /** Claims, and says which ids came. */
  async claimIds(want: Partial<ClaimWant> = {}): Promise<readonly string[]> {
    return idsOf(await this.claim(want))
  }

  settle(
    claim: Claim,
    verdict: Verdict,
    only: (entry: ClaimedEntry) => boolean = () => true,
  ): Promise<readonly LeaseState[]> {
    return this.outbox.settle(
      claim.entries.filter(only).map(({ position }) => ({ lease: claim.lease, position, verdict })),
    )
  }

  /** Claims once with these limits and settles all of it as delivered. */
  async deliver(want: Partial<ClaimWant> = {}): Promise<readonly string[]> {
    const claim = await this.claim(want)
    await this.settle(claim, { to: 'delivered' })
    return idsOf(claim)
  }

  /** Claims and delivers until nothing comes any more. */
  async drain(want: Partial<ClaimWant> = {}): Promise<readonly string[]> {
    const all: string[] = []
    for (let round = 0; round < 100_000; round++) {
      const ids = await this.deliver(want)
      if (ids.length === 0) return all
      all.push(...ids)
    }
    throw new Error('the outbox gives without end')
  }

  /** Closes the handle and opens the store again, as a restart does. */
  async reopen(): Promise<void> {
    await this.outbox.close()
    this.handle = await this.open()
  }

  /** Whether the account is even: `accepted` is the sum of what it became. */
  async checkAccount(): Promise<void> {
    const { totals, waiting, deadLetters, lost } = await this.outbox.stats()
    assert.equal(lost, 0, 'nothing is lost')
    assert.equal(totals.dead + totals.expired, deadLetters, 'dead letters are counted as such')
    assert.equal(
      totals.accepted,
      totals.delivered + totals.dead + totals.expired + totals.purged + totals.dropped + waiting,
      'everything accepted is somewhere',
    )
  }
}

export function idsOf(claim: Claim): readonly string[] {
  return claim.entries.map(({ id }) => id)
}

/** Same ids, whatever their order. */
export function sameIds(actual: readonly string[], expected: readonly string[], message?: string): void {
  assert.deepEqual([...actual].sort(), [...expected].sort(), message)
}
