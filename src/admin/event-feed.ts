/**
 * The relay's events for those who watch: each reader has a bounded buffer of its own. One that reads too slowly loses
 * the oldest, is told how many, and holds nobody up.
 */
import type { CancelTimer, Clock } from '../runtime/clock.ts'
import { AdminError } from './admin-error.ts'
import type { EventFilter, StreamItem } from './contract.ts'

export const READERS_MAX = 20
export const BUFFER_MAX = 1_000
/** So that a connection that has gone is noticed, and one that is idle stays. */
const BEAT_MS = 15_000

type EventItem = Extract<StreamItem, { readonly kind: 'event' }>

/** How items are written: one JSON a line, or server-sent events. */
export type StreamForm = 'lines' | 'sse'

export interface EventFeed {
  publish(workspace: string | null, event: EventItem['event']): void
  /** Throws `AdminError` when there are too many. */
  read(filter: EventFilter, form: StreamForm): ReadableStream<Uint8Array>
  /** Ends all streams. */
  close(): void
}

interface Reader {
  readonly filter: EventFilter
  readonly buffer: EventItem[]
  missed: number
  wake: (() => void) | undefined
  ended: boolean
}

export function createEventFeed(clock: Clock): EventFeed {
  const readers = new Set<Reader>()
  let sequence = 0
  let closed = false

  function end(reader: Reader): void {
    reader.ended = true
    readers.delete(reader)
    reader.wake?.()
  }

  return {
    publish(workspace, event) {
      sequence++
      if (readers.size === 0) return
      const item: EventItem = { kind: 'event', sequence, atMs: clock.wallMs(), workspace, event }
      for (const reader of readers) if (isWanted(item, reader.filter)) give(reader, item)
    },
    read(filter, form) {
      if (readers.size >= READERS_MAX) {
        throw new AdminError('too-many-readers', `${READERS_MAX} read the events already`)
      }
      const reader: Reader = { filter, buffer: [], missed: 0, wake: undefined, ended: closed }
      if (!closed) readers.add(reader)
      return streamOf(reader, form, clock, () => end(reader))
    },
    close() {
      closed = true
      for (const reader of readers) end(reader)
    },
  }
}

function isWanted({ workspace, event }: EventItem, filter: EventFilter): boolean {
  if (filter.types !== undefined && !filter.types.includes(event.type)) return false
  return filter.workspace === undefined || workspace === filter.workspace
}

function give(reader: Reader, item: EventItem): void {
  if (reader.buffer.length >= BUFFER_MAX) {
    reader.buffer.shift()
    reader.missed++
  }
  reader.buffer.push(item)
  reader.wake?.()
}

function streamOf(reader: Reader, form: StreamForm, clock: Clock, end: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let greeted = false
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // At once, so that the reader knows that it is heard.
        if (greeted && reader.buffer.length === 0 && !reader.ended) await newsOrBeat(reader, clock)
        greeted = true
        const text = take(reader)
          .map((item) => written(item, form))
          .join('')
        if (text === '' && reader.ended) controller.close()
        else controller.enqueue(encoder.encode(text === '' ? BEATS[form] : text))
      },
      cancel: end,
    },
    // Nothing is written ahead of the reader: what waits, waits in the buffer that has a bound.
    { highWaterMark: 0 },
  )
}

const BEATS: Readonly<Record<StreamForm, string>> = { lines: '\n', sse: ':\n\n' }

function take(reader: Reader): readonly StreamItem[] {
  const items: StreamItem[] = reader.buffer.splice(0)
  if (reader.missed > 0) items.unshift({ kind: 'gap', missed: reader.missed })
  reader.missed = 0
  return items
}

function newsOrBeat(reader: Reader, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let cancel: CancelTimer | undefined
    const wake = (): void => {
      reader.wake = undefined
      cancel?.()
      resolve()
    }
    reader.wake = wake
    cancel = clock.timer(BEAT_MS, wake)
  })
}

function written(item: StreamItem, form: StreamForm): string {
  const json = JSON.stringify(item)
  if (form === 'lines') return `${json}\n`
  return item.kind === 'event'
    ? `id: ${item.sequence}\nevent: ${item.event.type}\ndata: ${json}\n\n`
    : `event: gap\ndata: ${json}\n\n`
}
