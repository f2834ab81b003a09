/** Checks of the way to Customer.io, and of what it says. */
import type { HealthCheck } from '../client/health-checker.ts'
import { trackHost } from '../protocol/regions.ts'
import { sleep } from '../runtime/clock.ts'
import { httpDateMs } from '../runtime/retry-after.ts'
import { fail, ok, skipped, type Verdict, warn } from './check.ts'
import type { DoctorWorkspace } from './facts.ts'
import type { Probes } from './probes.ts'

const SKEW_WARN_MS = 30_000
const SKEW_FAIL_MS = 300_000
/** A `Date` header has whole seconds, and the answer takes some time. */
const SKEW_BLUR_MS = 2_000
const LOOK_MS = 100
const DRIFT_MS = 1_000
const CERTIFICATE_WARN_MS = 7 * 24 * 3_600_000

/** Where a workspace's requests go. */
export function rootOf({ baseUrl, region }: DoctorWorkspace): URL {
  return new URL(baseUrl ?? trackHost(region))
}

export async function checkDns(root: URL, probes: Probes): Promise<Verdict> {
  try {
    const addresses = await probes.lookup(root.hostname.replace(/^\[|\]$/g, ''))
    return ok(`${root.hostname} is ${addresses.slice(0, 3).join(', ')}`)
  } catch (error) {
    const hint = 'Look at the name servers, and at what the container or the firewall lets through.'
    return fail(`${root.hostname} is not found (${codeOf(error)})`, hint)
  }
}

export async function checkTls(root: URL, probes: Probes): Promise<Verdict> {
  if (root.protocol !== 'https:') return skipped(`${root.host} is spoken to without TLS`)
  try {
    const { protocol, validTo } = await probes.handshake(root.hostname, Number(root.port || 443))
    const leftMs = certificateMs(validTo) - probes.clock.wallMs()
    const said = `${root.host} speaks ${protocol}, with a certificate that is valid until ${validTo}`
    return leftMs < CERTIFICATE_WARN_MS ? warn(said, 'If this is no proxy of yours, look who answers there.') : ok(said)
  } catch (error) {
    const hint = 'A proxy that breaks TLS open needs its certificate in NODE_EXTRA_CA_CERTS.'
    return fail(`no TLS connection to ${root.host} (${codeOf(error)})`, hint)
  }
}

export async function checkClock(root: URL, probes: Probes): Promise<Verdict> {
  const { clock } = probes
  const wallMs = clock.wallMs()
  const monotonicMs = clock.monotonicMs()
  await sleep(clock, LOOK_MS, undefined, 'held')
  const drift = clock.wallMs() - wallMs - (clock.monotonicMs() - monotonicMs)
  if (Math.abs(drift) > DRIFT_MS) return fail('the clock jumps while it is looked at', 'Look at the time service.')
  let header: string | null
  let askedAtMs: number
  try {
    askedAtMs = clock.wallMs()
    header = await probes.dateOf(root.origin)
  } catch {
    return skipped(`${root.host} does not answer, so the clock was compared with nothing`)
  }
  const theirMs = httpDateMs(header ?? '', askedAtMs)
  if (Number.isNaN(theirMs)) return skipped(`${root.host} does not say what time it is`)
  const offMs = Math.abs(theirMs - (askedAtMs + clock.wallMs()) / 2)
  const hint = 'Events and attributes carry the time of this clock: let it be set by NTP.'
  const said = `the clock is ${Math.round(offMs / 1_000)} s off that of ${root.host}`
  if (offMs > SKEW_FAIL_MS) return fail(said, hint)
  if (offMs > SKEW_WARN_MS) return warn(said, hint)
  return ok(offMs > SKEW_BLUR_MS ? said : `the clock agrees with that of ${root.host}`)
}

export function judgeHealth({ reasons, region, latency }: HealthCheck): Verdict {
  const [reason] = reasons
  if (reason === undefined) {
    return ok(`accepted, region ${region ?? 'not said'}, answered in ${Math.round(latency ?? 0)} ms`)
  }
  switch (reason.code) {
    case 'credentials':
      return fail(reason.message, 'Look at site id and Track API key (not an App API key).', 'unauthenticated')
    case 'region-mismatch':
      return fail(reason.message, 'Set the region of the workspace.')
    case 'throttled':
      return warn(reason.message, 'Somebody uses up the rate of this account.')
    default:
      return fail(reason.message, 'What is stored waits, and goes out when it answers.')
  }
}

/** As OpenSSL writes it: `Nov 24 16:00:00 2026 GMT`, which is a date of HTTP with its parts in another order. */
function certificateMs(text: string): number {
  const [, month = '', day = '', time = '', year = ''] = /^(\w{3}) +(\d{1,2}) ([\d:]{8}) (\d{4}) GMT$/.exec(text) ?? []
  const ms = httpDateMs(`Mon, ${day.padStart(2, '0')} ${month} ${year} ${time} GMT`, 0)
  return Number.isNaN(ms) ? Infinity : ms
}

function codeOf(error: unknown): string {
  return String(Reflect.get(Object(error), 'code') ?? 'unknown')
}
