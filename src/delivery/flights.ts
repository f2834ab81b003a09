/**
 * Shipments on their way: each is one attempt. When it lands, its outcomes go to the gate as one answer and to the
 * entries as one verdict each; a refused batch comes back as two halves under the same leases.
 */
import type { Events } from '../observe/events.ts'
import type { Verdict } from '../outbox/outbox.ts'
import type { Outcome } from '../protocol/outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { bisect, type Parcel, requestOf, type Shipment } from './batcher.ts'
import type { Gate, Pass } from './gate.ts'
import type { EngineOptions } from './options.ts'
import type { Attempt, Sender } from './sender.ts'
import { kept, verdictOf } from './verdict.ts'

export interface FlightParts {
  readonly sender: Sender
  readonly gate: Gate
  readonly runtime: Runtime
  readonly events: Events
  readonly options: Pick<EngineOptions, 'verdict' | 'callTimeoutMs' | 'batchTimeoutMs'>
  readonly settle: (parcel: Parcel, verdict: Verdict) => void
  /** These go again at once, before what waits. */
  readonly again: (shipments: readonly Shipment[]) => void
  readonly landed: () => void
}

export interface Flights {
  readonly count: number
  launch(shipment: Shipment, pass: Pass): void
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

  async function fly(shipment: Shipment, pass: Pass): Promise<void> {
    const request = requestOf(shipment)
    const limitMs = gate.timeoutMs(pass, timeoutMs(shipment))
    const attempt = await parts.sender.send(request, shipment.parcels.length, limitMs, controller.signal)
    count--
    const whole = wholeOf(attempt)
    const nowMs = parts.runtime.clock.monotonicMs()
    const { verdict } = gate.leave(pass, { ...whole, durationMs: attempt.durationMs }, nowMs)
    if (events.active()) {
      events.emit({
        type: 'request',
        entries: shipment.parcels.length,
        bytes: Buffer.byteLength(request.body ?? ''),
        durationMs: attempt.durationMs,
        status: attempt.status,
        outcome: isMixed(attempt) ? 'mixed' : whole.kind,
        ...(whole.kind === 'retry' ? { reason: whole.reason } : {}),
        probe: pass.probe,
      })
    }
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
    launch(shipment, pass) {
      count++
      void fly(shipment, pass)
    },
    timeoutMs,
    abort: () => controller.abort(),
  }
}

/** For an entry that an answer says nothing about: send the same again. */
const NO_OUTCOME: Outcome = { kind: 'retry', reason: 'bad-answer' }

/** The answer as one: what a 2xx says of single entries is no news of the provider's health. */
function wholeOf(attempt: Attempt): Outcome {
  const isGood = attempt.status !== null && attempt.status >= 200 && attempt.status < 300
  return isGood ? { kind: 'delivered' } : (attempt.outcomes[0] ?? NO_OUTCOME)
}

function isMixed(attempt: Attempt): boolean {
  return attempt.outcomes.some((outcome) => outcome.kind !== attempt.outcomes[0]?.kind)
}
