/**
 * Shipments in hand: claimed, packed, not on their way yet.
 *
 * Two queues that take turns, because the provider counts requests: a backlog of calls that must go alone would
 * otherwise use every request, and the batches, which carry a hundred operations for the same price, would wait behind
 * it. Neither starves. More is claimed as soon as no batch is in hand, up to a bound of single ones.
 */
import type { Shipment } from './batcher.ts'

export interface InHand {
  readonly isEmpty: boolean
  /** Whether another claim is worth it. */
  readonly wantsMore: boolean
  put(shipments: readonly Shipment[]): void
  /** In front of the others of its kind. */
  putFirst(shipments: readonly Shipment[]): void
  /** The one that goes next, left where it is. */
  peek(): Shipment | undefined
  /** Takes what `peek` shows. */
  take(): void
  /** Takes everything. */
  takeAll(): readonly Shipment[]
}

export function createInHand(singlesMax: number): InHand {
  let batches: Shipment[] = []
  let singles: Shipment[] = []
  let isTurnOfSingles = false

  function queue(): Shipment[] {
    const isSingle = batches.length === 0 || (isTurnOfSingles && singles.length > 0)
    return isSingle ? singles : batches
  }

  return {
    get isEmpty() {
      return batches.length === 0 && singles.length === 0
    },
    get wantsMore() {
      return batches.length === 0 && singles.length < singlesMax
    },
    put(shipments) {
      for (const shipment of shipments) (isBatch(shipment) ? batches : singles).push(shipment)
    },
    putFirst(shipments) {
      batches = [...shipments.filter(isBatch), ...batches]
      singles = [...shipments.filter((shipment) => !isBatch(shipment)), ...singles]
    },
    peek: () => queue()[0],
    take() {
      const from = queue()
      from.shift()
      isTurnOfSingles = from === batches
    },
    takeAll() {
      const all = [...batches, ...singles]
      batches = []
      singles = []
      return all
    },
  }
}

function isBatch(shipment: Shipment): boolean {
  return shipment.parcels.length > 1
}
