/**
 * The answer to the question for the account's region, judged: does Customer.io answer, does it know the credentials,
 * and does the account live where its requests are sent?
 */
import { unreachable } from '../runtime/assert.ts'
import { parseBody } from './answer-body.ts'
import { type Answer, classify, type Outcome, type RetryReason } from './outcome.ts'
import { type Region, trackHost } from './regions.ts'

/**
 * - `ok`: the credentials work, and the account lives where it is thought to live, as far as that is known.
 * - `region-mismatch`: it lives in the other data centre. `region` is null where the answer does not name it.
 * - `credentials`: they are refused.
 * - `throttled`: a 429.
 * - `failed`: no answer, or none of Customer.io's.
 *
 * `environmentId` is the number of the workspace, where the answer holds it.
 */
export type RegionVerdict =
  | { readonly kind: 'ok'; readonly region: string; readonly environmentId?: number }
  | { readonly kind: 'region-mismatch'; readonly region: string | null; readonly environmentId?: number }
  | { readonly kind: 'credentials' }
  | { readonly kind: 'throttled'; readonly afterMs?: number }
  | { readonly kind: 'failed'; readonly reason: RetryReason | 'aborted' }

const REGIONS: readonly Region[] = ['us', 'eu']

/** A hundred characters are usual. What is far longer is not Customer.io's. */
const ANSWER_CHARS_MAX = 10_000

const BAD_ANSWER: RegionVerdict = Object.freeze({ kind: 'failed', reason: 'bad-answer' })

/** The region whose host this root is; null for any other host (a proxy, a relay, a simulator). */
export function regionOfRoot(root: string): Region | null {
  const hostname = URL.parse(root)?.hostname
  return REGIONS.find((region) => URL.parse(trackHost(region))?.hostname === hostname) ?? null
}

/**
 * What an answer means. Never throws.
 * @param expected where the account is thought to live; null when nobody has said so, and then no region is wrong.
 */
export function judgeRegionAnswer(answer: Answer, expected: Region | null): RegionVerdict {
  const [outcome] = classify(answer, 1)
  if (outcome?.kind === 'delivered') return judgeBody(answer.body, expected)
  return outcome === undefined ? BAD_ANSWER : judgeFailure(outcome)
}

/** What any other outcome means, that of a request without an answer among them. */
export function judgeFailure(outcome: Exclude<Outcome, { readonly kind: 'delivered' }>): RegionVerdict {
  switch (outcome.kind) {
    case 'retry':
      return { kind: 'failed', reason: outcome.reason }
    case 'throttled':
      return outcome
    case 'unauthorized':
      // "wrong datacenter" comes with a redirect.
      return outcome.status < 400 ? { kind: 'region-mismatch', region: null } : { kind: 'credentials' }
    case 'refused':
    case 'rejected':
      return { kind: 'failed', reason: `status-${outcome.status}` }
    case 'aborted':
      return { kind: 'failed', reason: 'aborted' }
    default:
      return unreachable(outcome)
  }
}

function judgeBody(body: string, expected: Region | null): RegionVerdict {
  const parsed = body.length > ANSWER_CHARS_MAX ? undefined : parseBody(body)
  const region = regionOf(parsed)
  if (region === undefined) return BAD_ANSWER
  const kind = expected !== null && region !== expected ? 'region-mismatch' : 'ok'
  const environmentId: unknown = Reflect.get(parsed as object, 'environment_id')
  return Number.isSafeInteger(environmentId)
    ? { kind, region, environmentId: environmentId as number }
    : { kind, region }
}

/** The region that the answer names; by the host of its `url` where it names none. */
function regionOf(parsed: unknown): string | undefined {
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const { region, url } = parsed as { readonly region?: unknown; readonly url?: unknown }
  // It goes into logs, so only what looks like a region is one.
  if (typeof region === 'string') return /^[a-z\d-]{2,20}$/i.test(region) ? region.toLowerCase() : undefined
  return typeof url === 'string' ? (regionOfRoot(url) ?? undefined) : undefined
}
