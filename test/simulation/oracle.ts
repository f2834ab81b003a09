/** What the application knows: which calls it made, and what it was told of each. */
import type { PlannedCall } from './workload.ts'

export interface Issued {
  readonly call: PlannedCall
  /** Wall time of the call. */
  readonly wallMs: number
  /** `pending` until it is told; for ever when its process died first. */
  state: 'pending' | 'stored' | 'delivered' | 'duplicate' | 'refused'
  id?: string
  errorCode?: string
  /** Of a call that was thrown in mode `direct`. */
  errorReason?: string
}

export type Oracle = Issued[]

/** The calls that must end as delivered or dead: those whose caller holds a receipt. */
export function acknowledged(oracle: Oracle): Issued[] {
  return oracle.filter(({ state }) => state === 'stored' || state === 'delivered' || state === 'duplicate')
}
