/**
 * Positions as text. `12-7` is the seventh entry of the block 12, `j12-7` one that was appended in a caller's
 * transaction. The tables have them as one number: a turn, or, below zero, the turn that such an append was told.
 */
import type { Position } from '../outbox.ts'
import { BLOCK } from './tables.ts'

export function positionOf(number: number): Position {
  const turn = Math.abs(number)
  return `${number < 0 ? 'j' : ''}${Math.floor(turn / BLOCK)}-${turn % BLOCK}`
}

/** Zero for a text that is no position of ours. */
export function numberOf(position: Position): number {
  const [, joined, block, place] = /^(j?)(\d{1,13})-(\d{1,4})$/.exec(position) ?? []
  const turn = Number(block) * BLOCK + Number(place)
  if (!Number.isSafeInteger(turn) || turn < BLOCK || Number(place) >= BLOCK) return 0
  return joined === 'j' ? -turn : turn
}

/** Of a row: of `turn`, or of what its transaction was told. */
export function positionOfRow(row: { readonly turn: unknown; readonly joined: unknown }): Position {
  return positionOf(row.joined === null ? Number(row.turn) : -Number(row.joined))
}
