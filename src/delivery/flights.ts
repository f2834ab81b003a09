/**
 * Shipments on their way: each is one attempt. When it lands, its outcomes go to the gate as one answer and to the
 * entries as one verdict each; a refused batch comes back as two halves under the same leases.
 */
import type { Verdict } from '../outbox/outbox.ts'
import { type AttemptParts, attemptWith, NO_OUTCOME } from './attempt.ts'
import { bisect, type Parcel, requestOf, type Shipment, tracesOf } from './batcher.ts'
import type { Pass } from './gate.ts'
import type { EngineOptions } from './options.ts'
import type { Attempt } from './sender.ts'
import { kept, verdictOf } from './verdict.ts'

export interface FlightParts extends AttemptParts {
  readonly options: Pick<EngineOptions, 'verdict' | 'callTimeoutMs' | 'batchTimeoutMs'>
  readonly settle: (parcel: Parcel, verdict: Verdict) => void
  /** These go again at once, before what waits. */
  readonly again: (shipments: readonly Shipment[]) => void
  readonly landed: () => void
}

export interface Flights {
  readonly count: number
  /** @param nowMs monotonic time at which its leases were looked at: they outlast an attempt that is over in time from then. */
  launch(shipment: Shipment, pass: Pass, nowMs: number): void
  /** How long an attempt of it may take at most. */
  timeoutMs(shipment: Shipment): number
  /** Ends every attempt under way; what was on its way may have arrived. */
  abort(): void
}

export function createFlights(parts: FlightParts): Flights {
  const { gate, options, events } = parts
  const controller = new AbortController()
  let count = 0

  function timeoutMs(shipment: Shipment): number {
    return shipment.parcels.length > 1 ? options.batchTimeoutMs : options.callTimeoutMs
  }

  async function fly(shipment: Shipment, pass: Pass, fromMs: number): Promise<void> {
    const sending = {
      request: requestOf(shipment),
      entries: shipment.parcels.length,
      timeoutMs: gate.timeoutMs(pass, timeoutMs(shipment)),
      fromMs,
      signal: controller.signal,
      traces: tracesOf(shipment),
    }
    const { attempt, verdict } = await attemptWith(pass, sending, parts)
    count--
    conclude(shipment, attempt, verdict)
    parts.landed()
  }

  function conclude(shipment: Shipment, attempt: Attempt, gateVerdict: 'as-is' | 'park'): void {
    const [first] = attempt.outcomes
    if (first?.kind === 'refused' && shipment.parcels.length > 1) {
      events.emit({ type: 'bisected', entries: shipment.parcels.length, status: first.status })
      parts.again(bisect(shipment))
      return
    }
    const wallMs = parts.runtime.clock.wallMs()
    let retrying = 0
    let delayMs = 0
    for (const [index, parcel] of shipment.parcels.entries()) {
      const outcome = attempt.outcomes[index] ?? NO_OUTCOME
      const verdict =
        gateVerdict === 'park' && outcome.kind === 'rejected'
          ? kept
          : verdictOf(outcome, parcel.entry, wallMs, options.verdict, parts.runtime.random)
      parts.settle(parcel, verdict)
      if (verdict.to !== 'waiting') continue
      retrying++
      delayMs = Math.max(delayMs, verdict.delayMs)
    }
    if (retrying > 0) {
      const reason = first?.kind === 'retry' ? first.reason : (first?.kind ?? 'bad-answer')
      events.emit({ type: 'retrying', entries: retrying, reason, delayMs })
    }
  }

  return {
    get count() {
      return count
    },
    launch(shipment, pass, nowMs) {
      count++
      void fly(shipment, pass, nowMs)
    },
    timeoutMs,
    abort: () => controller.abort(),
  }
}
