/** What a run gives: the account, and what happened when. This is what `--json` prints. */
import type { HoldfastAccount, OfficialAccount } from './account/account.ts'
import type { Left } from './account/promises.ts'

export type Actor = 'shop' | 'Customer.io' | 'Holdfast' | 'customerio-node'

export interface Note {
  /** Since the shop opened. */
  readonly atMs: number
  readonly who: Actor
  readonly text: string
}

export interface Result {
  readonly seed: number
  readonly durationMs: number
  /** Calls of the data file, and those that were due while the backends were dead: nobody made them, on either side. */
  readonly lines: number
  readonly notMade: number
  readonly holdfast: HoldfastAccount
  readonly official: OfficialAccount
  readonly left: Left
  /** Sentences; none when every promise held. */
  readonly broken: readonly string[]
  readonly timeline: readonly Note[]
}
