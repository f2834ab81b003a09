/** Asks a simulator what has arrived, over its control API, page by page. */
import type { ArrivedPage } from '../simulator/control.ts'
import { CONTROL_PATH } from '../simulator/control.ts'
import { type Clock, sleep } from '../runtime/clock.ts'
import type { Fetch } from '../runtime/runtime.ts'
import type { Account } from './account.ts'
import { personNumber } from './traffic.ts'

const PAGE = 10_000
const ASK_EVERY_MS = 200

export interface ArrivalsOptions {
  /** Root of the simulator. */
  readonly simulator: string
  readonly run: string
  readonly account: Account
  readonly clock: Clock
  readonly fetch: Fetch
  readonly signal: AbortSignal
}

export class ArrivalsError extends Error {
  override readonly name = 'ArrivalsError'
}

/** Where in the simulator's ledger the run begins. @throws ArrivalsError when there is no control API */
export async function ledgerEnd(simulator: string, fetch: Fetch): Promise<number> {
  const summary = (await ask(`${simulator}${CONTROL_PATH}`, fetch)) as { readonly operations?: unknown }
  if (typeof summary.operations !== 'number') throw new ArrivalsError(`no simulator answers at ${simulator}`)
  return summary.operations
}

/**
 * Reads what arrives until all that was accepted has, or nothing new has arrived for `quietMs`.
 * @throws ArrivalsError when the simulator stops answering
 */
export async function readArrivals(options: ArrivalsOptions, after: number, quietMs: number): Promise<void> {
  const { simulator, run, account, clock, fetch, signal } = options
  let at = after
  let movedAtMs = clock.monotonicMs()
  for (;;) {
    const query = new URLSearchParams({ name: run, value: 'n', limit: String(PAGE), after: String(at) })
    const page = (await ask(`${simulator}${CONTROL_PATH}ledger?${query.toString()}`, fetch)) as ArrivedPage
    for (const { person, value, ...fate } of page.operations) account.arrive(personNumber(run, person), value, fate)
    if (page.operations.length > 0) movedAtMs = clock.monotonicMs()
    at = page.after
    if (!page.end) continue
    if (account.complete || signal.aborted || clock.monotonicMs() - movedAtMs >= quietMs) return
    await sleep(clock, ASK_EVERY_MS, signal, 'held')
  }
}

async function ask(url: string, fetch: Fetch): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(new Request(url))
  } catch (cause) {
    throw new ArrivalsError(`the simulator does not answer at ${url.split('/__')[0]}`, { cause })
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (response.status === 200 && body !== undefined) return body
  const said = String(Reflect.get(Object(body), 'error') ?? `status ${response.status}`)
  throw new ArrivalsError(`the simulator at ${url.split('/__')[0]} has no control API, or refuses: ${said}`)
}
