/**
 * A way of storing calls durably. Each file of `sides` opens one of them; all are given the same calls, and resolve
 * once one is on the disk.
 *
 * - `client`: `ResilientCustomerIO.track`, delivery paused. - `outbox`: its outbox alone. - `log`: the bare log.
 * - `write`: write and fdatasync, one after the other. - `bullmq`: `Queue.add`.
 */
import { type SampleCall, sampleCalls } from '../sample-calls.ts'

export type SideName = 'client' | 'outbox' | 'log' | 'write' | 'bullmq'

export interface Side {
  append(index: number): Promise<unknown>
  /** How many calls the store holds, by its own count. */
  close(): Promise<number>
}

export interface Place {
  readonly folder: string
  /** For the side that needs one. */
  readonly redisPort: number
}

const CALLS = 4_096

export const calls: readonly SampleCall[] = sampleCalls(CALLS)

/** Of a list with one element for each call. */
export function at<T>(list: readonly T[], index: number): T {
  return list[index % CALLS]!
}
