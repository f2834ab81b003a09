/**
 * Claimed entries -> requests. An entry that has a v2 form of at most 32,000 bytes shares a batch with entries of
 * other lanes; everything else goes out alone, on the route it came for. The outbox gives at most one entry of a lane
 * at a time, so no batch holds two of one person.
 *
 * An entry that has failed before shares with fewer others each time, and in the end with nobody: one that breaks
 * whatever it travels with cannot hold others back for long.
 */
import type { Call } from '../protocol/call.ts'
import { batchBytes, encodeBatch, encodeCall, encodeItem, type HttpParts } from '../protocol/encode.ts'
import { OPERATION_BYTES_MAX } from '../protocol/limits.ts'
import { asV2, type MappingOptions } from '../protocol/mapping.ts'
import type { TraceContext } from '../protocol/trace-context.ts'
import { storedOf } from '../outbox/entry.ts'
import type { ClaimedEntry, Lease } from '../outbox/outbox.ts'

/** A claimed entry that is ready to travel. */
export interface Parcel {
  readonly entry: ClaimedEntry
  readonly lease: Lease
  readonly call: Call
  /** Of the trace that the call belongs to; undefined where it came without one. */
  readonly trace: TraceContext | undefined
  /** The JSON text of its v2 form; undefined when it must go alone. */
  readonly item: string | undefined
  readonly itemBytes: number
}

/** What travels together. */
export interface Shipment {
  readonly parcels: readonly Parcel[]
}

export interface BatchLimits {
  readonly operationsMax: number
  readonly bytesMax: number
}

/** Opens an entry's body. Undefined when no version of this package could have written it. */
export function parcelOf(entry: ClaimedEntry, lease: Lease, mapping: MappingOptions): Parcel | undefined {
  let stored: ReturnType<typeof storedOf>
  try {
    stored = storedOf(entry.body)
  } catch {
    return undefined
  }
  const { call, trace } = stored
  const v2 = asV2(call, mapping)
  if (v2 === undefined) return { entry, lease, call, trace, item: undefined, itemBytes: 0 }
  const item = encodeItem(v2)
  const itemBytes = Buffer.byteLength(item)
  return itemBytes > OPERATION_BYTES_MAX
    ? { entry, lease, call, trace, item: undefined, itemBytes: 0 }
    : { entry, lease, call, trace, item, itemBytes }
}

/** Packs parcels in their order. */
export function ship(parcels: readonly Parcel[], limits: BatchLimits): Shipment[] {
  const shipments: Shipment[] = []
  // By how many may share: the newest batch of that kind, as long as there is room in it.
  const open = new Map<number, { readonly parcels: Parcel[]; itemBytes: number }>()
  for (const parcel of parcels) {
    const countMax = Math.max(1, limits.operationsMax >> Math.min(parcel.entry.attempts, 30))
    if (parcel.item === undefined || countMax === 1) {
      shipments.push({ parcels: [parcel] })
      continue
    }
    let batch = open.get(countMax)
    const hasRoom =
      batch !== undefined &&
      batch.parcels.length < countMax &&
      batchBytes(batch.parcels.length + 1, batch.itemBytes + parcel.itemBytes) <= limits.bytesMax
    if (batch === undefined || !hasRoom) {
      batch = { parcels: [], itemBytes: 0 }
      open.set(countMax, batch)
      shipments.push(batch)
    }
    batch.parcels.push(parcel)
    batch.itemBytes += parcel.itemBytes
  }
  return shipments
}

/** Cuts a refused shipment in two, so that the entry at fault is found in a logarithmic number of steps. */
export function bisect(shipment: Shipment): readonly [Shipment, Shipment] {
  const middle = Math.ceil(shipment.parcels.length / 2)
  return [{ parcels: shipment.parcels.slice(0, middle) }, { parcels: shipment.parcels.slice(middle) }]
}

/** The request of a shipment: a batch, or one call on its own route. */
export function requestOf(shipment: Shipment): HttpParts {
  const [first] = shipment.parcels
  if (shipment.parcels.length === 1 && first !== undefined) return encodeCall(first.call)
  return encodeBatch(shipment.parcels.map((parcel) => parcel.item ?? ''))
}

/** The trace contexts of those that have one, each once: the operations of one call share theirs. */
export function tracesOf(shipment: Shipment): readonly TraceContext[] {
  const traces = new Map<string, TraceContext>()
  for (const { trace } of shipment.parcels) if (trace !== undefined) traces.set(trace.traceparent, trace)
  return [...traces.values()]
}
