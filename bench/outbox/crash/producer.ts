/**
 * A process that stores the operations of every second person. What it hears of on standard input: `go N` stores those
 * below N; then it says `stored N`. An append without an answer is made again, with the same ids, until there is one. Ends
 * with its standard input.
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as passed } from 'node:timers/promises'

import { isHoldfastError, OutboxError } from '../../../src/errors.ts'
import { entryOf } from '../../../src/outbox/entry.ts'
import type { NewEntry, Outbox } from '../../../src/outbox/outbox.ts'
import { decodeCall } from '../../../src/protocol/decode.ts'
import { createOperation } from '../../../src/protocol/operation.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { inputOfChild } from '../../child.ts'
import { chunks } from '../operations.ts'
import { openerOf, type StoreName } from '../stores.ts'
import { nameOf, personOf, type Size, typeOf } from './plan.ts'

export interface ProducerInput {
  readonly store: StoreName
  readonly url: string
  readonly size: Size
  /** 0 or 1. */
  readonly which: number
}

const APPEND = 50
const AGAIN_MS = 50

const { store, url, size, which } = inputOfChild() as ProducerInput
const open = await openerOf(store, url)
let outbox: Outbox | undefined

function entry(number: number): NewEntry {
  const identifier = nameOf(personOf(number, size))
  const decoded =
    typeOf(number) === 'identify'
      ? decodeCall({ name: 'identify', identifier }, { plan: 'pro', number })
      : decodeCall({ name: 'track', identifier }, { name: 'order_placed', data: { number } })
  if (!decoded.ok) throw new Error('a call of the bench is not valid')
  return entryOf(
    createOperation(decoded.call, { id: systemRuntime.newId(), acceptedAtMs: systemRuntime.clock.wallMs() }),
  )
}

async function append(entries: readonly NewEntry[]): Promise<void> {
  for (;;) {
    try {
      outbox ??= await open({ runtime: systemRuntime, workspace: 'site', notice: () => {} })
      await outbox.append(entries)
      return
    } catch (error) {
      if (!(isHoldfastError(error) && error instanceof OutboxError)) throw error
      writeSync(1, 'again\n')
      await passed(AGAIN_MS)
    }
  }
}

let next = 0
for await (const line of createInterface({ input: process.stdin })) {
  const below = Number(line.slice('go '.length))
  const own: number[] = []
  for (; next < below; next++) if (personOf(next, size) % 2 === which) own.push(next)
  for (const chunk of chunks(own, APPEND)) await append(chunk.map(entry))
  writeSync(1, `stored ${below}\n`)
}
await outbox?.close()
