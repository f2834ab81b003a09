/**
 * The end of a relay, in an order in which nobody loses what was answered and nobody is cut off:
 *
 * 1. `/readyz` says 503; requests are taken as ever for `readinessDelayMs`, until the load balancer has seen it.
 * 2. The port is closed. Requests that still come over open connections are stored and answered, each as the last one of
 *    its connection; idle connections are ended.
 * 3. The relay closes: what is on its way to Customer.io finishes or runs into its end; the outboxes are given back.
 *
 * All of it has one end, `shutdownTimeoutMs` after the delay. A second signal ends each wait at once.
 */
import type { Listening } from '../http/listen.ts'
import type { Relay, RelayCloseReport } from '../relay/index.ts'
import { type Clock, sleep } from '../runtime/clock.ts'

export interface Ending {
  /** Ends every wait from now on. */
  hurry(): void
  readonly report: Promise<EndReport>
}

export interface EndReport {
  readonly workspaces: RelayCloseReport['workspaces']
  /** Connections that were cut off in the middle of something. */
  readonly reset: number
}

export interface EndingParts {
  readonly relay: Relay
  readonly intake: Listening
  readonly clock: Clock
  readonly readinessDelayMs: number
  readonly shutdownTimeoutMs: number
}

/** What of the time is the clients' alone, for requests on their way to Customer.io. */
const CLIENTS_SHARE = 0.5

export function endRelay(parts: EndingParts): Ending {
  const hurried = new AbortController()
  return { hurry: () => hurried.abort(), report: end(parts, hurried.signal) }
}

async function end(parts: EndingParts, hurried: AbortSignal): Promise<EndReport> {
  const { relay, intake, clock, readinessDelayMs, shutdownTimeoutMs } = parts
  await sleep(clock, readinessDelayMs, hurried, 'held')
  const endMs = clock.monotonicMs() + shutdownTimeoutMs
  const leftMs = (): number => (hurried.aborted ? 0 : Math.max(0, endMs - clock.monotonicMs()))
  const onHurry = (): void => {
    void intake.close({ timeoutMs: 0 })
    for (const client of relay.workspaces.values()) void client.close({ timeoutMs: 0 })
  }
  if (hurried.aborted) onHurry()
  else hurried.addEventListener('abort', onHurry, { once: true })
  const { reset } = await intake.close({ timeoutMs: leftMs() * (1 - CLIENTS_SHARE) })
  const { workspaces } = await relay.close({ timeoutMs: leftMs() })
  hurried.removeEventListener('abort', onHurry)
  return { workspaces, reset }
}
