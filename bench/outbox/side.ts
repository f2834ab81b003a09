/**
 * A way of keeping operations on a server and taking them from there. Each file of `sides` is one; all get the same
 * operations, give them to the same sink, and count what they hold by their own means.
 */
import type { Numbered } from './operations.ts'

export type SideName = 'bullmq-outbox' | 'bullmq' | 'bullmq-shards' | 'postgres-outbox' | 'pg-boss'

export interface Place {
  /** Of the server, with its database where it has several. */
  readonly url: string
}

export interface Producer {
  /** Resolves when all are stored. */
  append(operations: readonly Numbered[]): Promise<unknown>
  close(): Promise<void>
}

export interface Taken {
  readonly number: number
  /** Not its first time here. */
  readonly isAgain: boolean
}

/** One answer for each: whether it is done, or is to come again after `AGAIN_MS`. */
export type Sink = (taken: readonly Taken[]) => Promise<readonly boolean[]>

export const AGAIN_MS = 50

export interface Consumer {
  /** Begins to take. */
  start(): void
  /** Ends what runs, when it is done with what it has. */
  close(): Promise<void>
}

export interface ConsumerOptions {
  readonly sink: Sink
  /** Batches in the air at the same time, for sides that have batches. */
  readonly batches: number
}

export interface Side {
  /** Makes what must be there first: tables, queues. Once for a server. */
  readonly prepare: (place: Place) => Promise<void>
  readonly produce: (place: Place) => Promise<Producer>
  /** Connected when it resolves. */
  readonly consume: (place: Place, options: ConsumerOptions) => Promise<Consumer>
  /** Operations that are not done, by the store's own count. */
  readonly waiting: (place: Place) => Promise<number>
}

const PROGRAMS: Readonly<Record<SideName, string>> = {
  'bullmq-outbox': './sides/bullmq-outbox.ts',
  bullmq: './sides/bullmq.ts',
  'bullmq-shards': './sides/bullmq-shards.ts',
  'postgres-outbox': './sides/postgres-outbox.ts',
  'pg-boss': './sides/pg-boss.ts',
}

/** Only what is measured is loaded. */
export async function sideOf(name: SideName): Promise<Side> {
  const { side } = (await import(PROGRAMS[name])) as { readonly side: Side }
  return side
}

/** Each call after the answer to an earlier one. */
export async function appendAll(
  producer: Producer,
  calls: readonly (readonly Numbered[])[],
  callsInFlight: number,
): Promise<void> {
  let next = 0
  async function caller(): Promise<void> {
    while (next < calls.length) await producer.append(calls[next++]!)
  }
  await Promise.all(Array.from({ length: callsInFlight }, caller))
}
