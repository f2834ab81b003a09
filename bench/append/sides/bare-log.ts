/**
 * The measure of all durable appends: a log that does nothing but what must be done. Operations that are appended in
 * one turn of the event loop go to a worker as one group; the worker encodes them with a length before each, writes
 * them and calls fdatasync; one group is under way at a time, and what comes meanwhile is the next. It cannot be read
 * while it is written, forgets nothing, finds nothing, and would not survive its first torn write: an outbox can only
 * come near it.
 */
import { Worker } from 'node:worker_threads'

export interface BareLog {
  /** Resolves once the text is on the disk. */
  append(text: string): Promise<void>
  /** Resolves to the number of texts that the file holds, by reading it. */
  close(): Promise<number>
}

export interface LogAnswer {
  /** Present in the last answer. */
  readonly stored?: number
}

export function openBareLog(path: string): BareLog {
  const worker = new Worker(new URL('./bare-log-worker.ts', import.meta.url), { workerData: { path } })
  let texts: string[] = []
  let waiting: (() => void)[] = []
  let written: (() => void)[] = []
  let isWriting = false
  let isScheduled = false
  let closed: ((stored: number) => void) | undefined

  function flush(): void {
    isScheduled = false
    if (isWriting || texts.length === 0) return
    isWriting = true
    written = waiting
    worker.postMessage(texts)
    texts = []
    waiting = []
  }

  worker.on('message', (answer: LogAnswer) => {
    if (answer.stored !== undefined) {
      closed?.(answer.stored)
      return
    }
    isWriting = false
    const group = written
    // What is waiting goes before those who are told: the disk is what everybody waits for.
    flush()
    for (const resolve of group) resolve()
  })

  return {
    append: (text) =>
      new Promise((resolve) => {
        texts.push(text)
        waiting.push(resolve)
        if (isScheduled || isWriting) return
        isScheduled = true
        setImmediate(flush)
      }),
    close: () =>
      new Promise((resolve) => {
        closed = resolve
        worker.postMessage([])
      }),
  }
}
