/** How the doctor reaches the world. Tests give their own. */
import type { HealthCheck } from '../client/health-checker.ts'
import type { SharedOutbox } from '../outbox/of-kind.ts'
import type { StoreReport } from '../outbox/outbox.ts'
import type { OutboxFileCheck } from '../outbox/sqlite/check-file.ts'
import type { Clock } from '../runtime/clock.ts'
import type { DoctorWorkspace } from './facts.ts'

export interface PathFacts {
  readonly kind: 'folder' | 'file' | 'other'
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly bytes: number
  readonly modifiedAtMs: number
}

export interface DiskFacts {
  readonly freeBytes: number
  /** The kernel's number for this kind of file system. */
  readonly type: number
}

/** An outbox on a server, looked at. */
export interface StoreLook {
  readonly report: StoreReport | null
  readonly waiting: number
  readonly deadLetters: number
  /** Of one question, the median of several. */
  readonly answerMs: number
}

export interface Probes {
  readonly clock: Clock
  /** Undefined where there is nothing. */
  stat(path: string): PathFacts | undefined
  /** Whether this process may list, write and enter a folder, or read and write a file. */
  mayUse(path: string): boolean
  list(folder: string): readonly string[]
  disk(path: string): DiskFacts | undefined
  /** Writes and syncs a small file so many times; how long each took, in milliseconds. */
  syncTimesMs(folder: string, times: number): readonly number[]
  /** Opens it without being one of its handles. Rejects with an `OutboxError`, or an `OptionsError`. */
  look(store: SharedOutbox, siteId: string): Promise<StoreLook>
  inspect(path: string): Promise<OutboxFileCheck>
  /** Addresses of a host. Rejects with an error that has a `code`. */
  lookup(host: string): Promise<readonly string[]>
  /** A handshake: until when the certificate is valid, as the certificate says. Rejects with an error that has a `code`. */
  handshake(host: string, port: number): Promise<{ readonly protocol: string; readonly validTo: string }>
  /** The `Date` header of an answer, whatever the answer. Rejects where there is none. */
  dateOf(url: string): Promise<string | null>
  health(workspace: DoctorWorkspace): Promise<HealthCheck>
  readonly nodeVersion: string
  /** Null where the system has no such. */
  readonly uid: number | null
  openFilesMax(): number | null
  memoryMaxBytes(): number | null
  makeFolder(path: string): void
  changeMode(path: string, mode: number): void
  remove(path: string): void
  /** Opens the outbox as a relay would, so that what is to be recovered is; resolves to what happened. */
  reopen(path: string, siteId: string): Promise<string>
}
