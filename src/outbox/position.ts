/** Positions of the outboxes of this folder: the sequence number as text. It also is the order of append. */
import type { Position } from './outbox.ts'

export function positionOf(sequence: number): Position {
  return String(sequence)
}

/** Zero for a text that is no position of ours: no entry has that number. */
export function sequenceOf(position: Position): number {
  const sequence = Number(position)
  return Number.isSafeInteger(sequence) && sequence > 0 ? sequence : 0
}
