/** What the doctor must know of a relay: a few facts of its configuration. */
import type { SharedOutbox } from '../outbox/of-kind.ts'
import type { Region } from '../protocol/regions.ts'

export interface DoctorFacts {
  /** Where the configuration came from, in words; null for the environment alone. */
  readonly configFile: string | null
  readonly dataDir: string
  readonly workspaces: readonly DoctorWorkspace[]
}

export interface DoctorWorkspace {
  readonly name: string
  readonly siteId: string
  readonly apiKey: string
  readonly region: Region
  readonly baseUrl: string | null
  /** The outbox on a server; null where it is a file in the data folder. */
  readonly store: SharedOutbox | null
}
