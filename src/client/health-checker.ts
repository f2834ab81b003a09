/**
 * A health check for those who use the official client alone: the same question as `health({ probe: 'active' })`, with
 * no outbox and no engine behind it.
 */
import { createSender } from '../delivery/sender.ts'
import { OptionsError } from '../errors.ts'
import type { HealthReason } from '../observe/health.ts'
import { type AskedProbe, reasonOfProbe } from '../observe/probe.ts'
import { checkNumber } from '../resilience/check-number.ts'
import type { Region } from '../protocol/regions.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime, systemRuntimeWith } from '../runtime/system.ts'
import { expectedRegionOf, known, targetOf } from './options.ts'
import { createRegionQuestion, type RegionQuestion } from './region-question.ts'
import { timeoutDefaults } from './timeouts.ts'
import { isTrackClient, takeSettings, type TrackClientLike } from './track-client.ts'

export interface HealthCheckerOptions {
  /** Site ID of the workspace. Taken from the `TrackClient` when one is given. */
  readonly siteId?: string | undefined
  /** Track API key of the workspace. Taken from the `TrackClient` when one is given. */
  readonly apiKey?: string | undefined
  /**
   * Where the account should live. Without `baseUrl` and `TrackClient` it is also where the question goes.
   * @defaultValue the region of the host that is asked, where it is one of Customer.io's; else every region is right
   */
  readonly region?: Region
  /** Another root than the region's: a relay, a simulator, a proxy. With or without `/api/v1` at its end. */
  readonly baseUrl?: string
  /** Headers beside the protocol's own. */
  readonly headers?: Readonly<Record<string, string>>
  /** At most one question in this time, in milliseconds; until then the newest answer stands. @defaultValue 30000 */
  readonly intervalMs?: number
  /** How long a question may take, in milliseconds. @defaultValue 3000 */
  readonly timeoutMs?: number
  /** Time, chance, ids and network. For tests. @defaultValue the real ones */
  readonly runtime?: Runtime
}

/** Words of the one vocabulary of health. Calls of a bare client are stored nowhere, so no good answer is `failing`. */
export type CheckStatus = 'ok' | 'degraded' | 'blocked' | 'failing'

export interface HealthCheck {
  /** `ok` or `degraded`: Customer.io answers, and takes calls with these credentials. */
  readonly healthy: boolean
  readonly status: CheckStatus
  /** Empty when all is well. Codes: `unreachable`, `credentials`, `region-mismatch`, `throttled`. */
  readonly reasons: readonly HealthReason[]
  /** How long the answer took, in milliseconds; null when there was none. */
  readonly latency: number | null
  /** Status of the answer; null when there was none. */
  readonly httpStatus: number | null
  /** Where the account lives, as Customer.io says; null when it did not say. */
  readonly region: string | null
  /** Wall time of this answer, which may be up to an interval old. */
  readonly checkedAtMs: number
  /** Wall times of the newest answer that was `ok` or `degraded`, and of the newest that was not. */
  readonly lastSuccess: number | null
  readonly lastFailure: number | null
}

const OPTION_NAMES: Readonly<Record<keyof HealthCheckerOptions, true>> = {
  siteId: true,
  apiKey: true,
  region: true,
  baseUrl: true,
  headers: true,
  intervalMs: true,
  timeoutMs: true,
  runtime: true,
}

const INTERVAL_MS = 30_000

/**
 * Tells whether Customer.io answers, knows the credentials, and has the account where its requests are sent. It asks
 * `GET /api/v1/accounts/region`, which creates nobody and changes nothing, only when `check()` is called, and at most once
 * in an interval however many call. The official client itself is never called, so nothing is tried several times.
 *
 * @example
 * ```ts
 * const checker = new CustomerIOHealthChecker(trackClient)
 * const { healthy, status, reasons } = await checker.check()
 * ```
 */
export class CustomerIOHealthChecker {
  readonly #question: RegionQuestion
  #newest: HealthCheck | undefined

  /**
   * @param options credentials and everything else; or an official `TrackClient` (customerio-node 4.4 or 5.x), whose
   * credentials, root, headers and dispatcher are taken, while its timeout and its retries are not
   * @throws OptionsError naming the field
   */
  constructor(options: HealthCheckerOptions)
  constructor(trackClient: TrackClientLike, options?: HealthCheckerOptions)
  constructor(first: HealthCheckerOptions | TrackClientLike, second: HealthCheckerOptions = {}) {
    const options = optionsOf(first, second)
    const { intervalMs = INTERVAL_MS, timeoutMs = timeoutDefaults.probeMs, runtime = systemRuntime } = options
    checkNumber('intervalMs', intervalMs, { above: 0, infinite: true })
    checkNumber('timeoutMs', timeoutMs, { above: 0, max: 3_600_000 })
    this.#question = createRegionQuestion({
      sender: createSender(targetOf(options), runtime),
      clock: runtime.clock,
      settings: { intervalMs, timeoutMs, region: expectedRegionOf(options) },
      admit: () => undefined,
      answered: (_verdict, probe) => (this.#newest = checkOf(probe, this.#newest)),
    })
  }

  /**
   * Asks, or gives the answer of this interval. Callers at the same time share one question. After a 429 the answer stands
   * until its Retry-After is over.
   * @returns the answer, after `timeoutMs` at the latest. Never rejects.
   */
  async check(): Promise<HealthCheck> {
    await this.#question.ask()
    // Nothing forbids or ends this question, so each one that was waited for has been answered.
    return this.#newest!
  }
}

function checkOf(probe: AskedProbe, before: HealthCheck | undefined): HealthCheck {
  const problem = reasonOfProbe(probe)
  const status = problem?.severity ?? 'ok'
  const healthy = status === 'ok' || status === 'degraded'
  return Object.freeze({
    healthy,
    status,
    reasons: problem === null ? [] : [{ code: problem.code, message: problem.message }],
    latency: probe.latency,
    httpStatus: probe.status,
    region: probe.region,
    checkedAtMs: probe.atMs,
    lastSuccess: healthy ? probe.atMs : (before?.lastSuccess ?? null),
    lastFailure: healthy ? (before?.lastFailure ?? null) : probe.atMs,
  })
}

function optionsOf(first: HealthCheckerOptions | TrackClientLike, second: HealthCheckerOptions): HealthCheckerOptions {
  for (const given of [first, second]) {
    if (typeof given !== 'object' || given === null) throw new OptionsError('options', 'must be an object')
  }
  if (!isTrackClient(first)) {
    known(first, OPTION_NAMES, '')
    return first
  }
  known(second, OPTION_NAMES, '')
  const { siteId, apiKey, baseUrl, headers, dispatcher } = takeSettings(first)
  return {
    siteId,
    apiKey,
    baseUrl,
    ...(headers === undefined ? {} : { headers }),
    ...(dispatcher === undefined ? {} : { runtime: systemRuntimeWith(dispatcher) }),
    ...second,
  }
}
