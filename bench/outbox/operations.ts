/**
 * The operations that are measured: events of `OPERATION_BYTES` as stored text, interleaved over their people. Each
 * knows its number, so that whoever gets it can tell which one it is, and of whom.
 */
import { entryOf, storedOf } from '../../src/outbox/entry.ts'
import type { Call } from '../../src/protocol/call.ts'
import { decodeCall } from '../../src/protocol/decode.ts'
import { createOperation, type Operation } from '../../src/protocol/operation.ts'
import { systemRuntime } from '../../src/runtime/system.ts'

/** Of the text that carries everything of an operation; the text that the other sides store is the same. */
export const OPERATION_BYTES = 313

export interface Numbered {
  readonly number: number
  readonly person: string
  readonly operation: Operation
}

/** Operations `from` to `from + size`, in order: one of each person, then the next of each. */
export function operations(size: number, people: number, from: number = 0): readonly Numbered[] {
  return Array.from({ length: size }, (_, index) => numbered(from + index, `user_${(from + index) % people}`))
}

export function numbered(number: number, person: string): Numbered {
  const bytes = Buffer.byteLength(textOf(operationOf(number, person, '')))
  if (bytes > OPERATION_BYTES) throw new Error(`operation ${number} takes ${bytes} bytes without its note`)
  return { number, person, operation: operationOf(number, person, '-'.repeat(OPERATION_BYTES - bytes)) }
}

/** What is stored of an operation, as text. */
export function textOf(operation: Operation): string {
  return entryOf(operation).body
}

/** An object whose JSON is that text, for stores that write objects. */
export interface Stored {
  readonly v: number
  readonly call: Call
}

export function storedAs({ operation }: Numbered): Stored {
  return { v: 1, call: operation.call }
}

/** The number of the operation in a stored text. */
export function numberIn(text: string): number {
  return numberOf(storedOf(text))
}

export function numberOf({ call }: Pick<Stored, 'call'>): number {
  const number = call.type === 'event' ? call.data['number'] : undefined
  if (typeof number !== 'number') throw new Error('this text is none of the operations of the bench')
  return number
}

/** Groups of `size`, the last one smaller. */
export function chunks<T>(list: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}

function operationOf(number: number, person: string, note: string): Operation {
  const data = { order_id: `ord_${number.toString(36)}`, total: 129.9, number, note }
  const decoded = decodeCall({ name: 'track', identifier: person }, { name: 'order_placed', data })
  if (!decoded.ok) throw new Error('a call of the bench is not valid')
  return createOperation(decoded.call, { id: systemRuntime.newId(), acceptedAtMs: systemRuntime.clock.wallMs() })
}
