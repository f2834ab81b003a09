/**
 * The one door through which time, chance, identity and the network enter. Everything else in `src` is a function of
 * its arguments and of a `Runtime`, so a whole world can run on virtual time from one seed.
 */
import type { Clock } from './clock.ts'

/** The network seam. Production passes the global `fetch`; the simulator and the relay are such functions. */
export type Fetch = (request: Request) => Promise<Response>

/** A number in [0, 1), as `Math.random`. */
export type Random = () => number

export interface Runtime {
  readonly clock: Clock
  readonly random: Random
  /** A new ULID (26 characters). Unique over processes. */
  readonly newId: () => string
  readonly fetch: Fetch
}
