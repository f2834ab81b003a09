/** Where operations go: a relay that runs, or the outbox of one. */
import type { Problem } from '../errors.ts'
import type { Unit } from './import-unit.ts'

/** What became of a unit. Nothing here is thrown: whether to go on is the import's to decide. */
export type Sent =
  /** Stored, but for those refused; `index` counts the unit's items. `duplicates` null where it is not known. */
  | {
      readonly kind: 'stored'
      readonly duplicates: number | null
      readonly refused: readonly { readonly index: number; readonly problems: readonly Problem[] }[]
    }
  /** Not now. */
  | { readonly kind: 'later'; readonly afterMs: number | undefined; readonly reason: string }
  /** Never, for this and everything else: credentials, a wrong URL. */
  | {
      readonly kind: 'refused'
      readonly why: 'unauthenticated' | 'forbidden' | 'api' | 'damaged'
      readonly reason: string
    }

export interface ImportTarget {
  /** In words, for messages. */
  readonly name: string
  readonly to: 'relay' | 'outbox'
  send(unit: Unit): Promise<Sent>
  close(): Promise<void>
}
