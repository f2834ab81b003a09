/**
 * From a log with offsets (a Kafka topic, a NATS stream, a Kinesis shard) into Customer.io: consume, store, commit.
 *
 * A message's call has the message's own place as its idempotency key. So the offset can be committed after the receipts
 * are there, and a consumer that dies in between reads the same messages again and stores none of them twice.
 */
import { setTimeout as wait } from 'node:timers/promises'

// In a program of yours: 'holdfast'.
import { OutboxFullError, type ResilientCustomerIO } from '../src/index.ts'

export interface Message {
  readonly offset: number
  /** The partition key: messages of one person are in one partition, in their order. */
  readonly person: string
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
  /** When it happened, in milliseconds since 1970. */
  readonly atMs: number
}

/** One partition, as a client of Kafka or NATS gives it. */
export interface Source {
  readonly topic: string
  readonly partition: number
  /** The next messages after the committed offset and those that were given since; empty when the partition is taken away. */
  poll(max: number): Promise<readonly Message[]>
  /** Everything before this offset is done. */
  commit(offset: number): Promise<void>
}

/** As many as fill one commit of the outbox well. */
const POLL_MAX = 500

/** Runs until the partition is taken away. Rejects when a call cannot be stored for another reason than room; nothing of it is committed then. */
export async function consume(source: Source, cio: ResilientCustomerIO): Promise<void> {
  for (;;) {
    const messages = await source.poll(POLL_MAX)
    const last = messages.at(-1)
    if (last === undefined) return
    await storeAll(source, messages, cio)
    await source.commit(last.offset + 1)
  }
}

async function storeAll(source: Source, messages: readonly Message[], cio: ResilientCustomerIO): Promise<void> {
  for (;;) {
    try {
      await storeEach(source, messages, cio)
      return
    } catch (error) {
      // Back pressure: the log keeps what there is no room for yet. Those that were stored are known again by their keys.
      if (!(error instanceof OutboxFullError)) throw error
      await wait(error.retryAfterMs)
    }
  }
}

/** People side by side; each person's messages one after the other, so that none is stored when the one before it was not. */
async function storeEach(source: Source, messages: readonly Message[], cio: ResilientCustomerIO): Promise<void> {
  const byPerson = Map.groupBy(messages, ({ person }) => person)
  await Promise.all(
    Array.from(byPerson.values(), async (own) => {
      for (const message of own) {
        const { person, name, data, atMs, offset } = message
        const idempotencyKey = `${source.topic}-${source.partition}-${offset}`
        await cio.track(person, { name, data, timestamp: Math.floor(atMs / 1_000) }, { idempotencyKey })
      }
    }),
  )
}
