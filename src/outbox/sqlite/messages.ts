/** What the main thread and the worker of the SQLite outbox say to each other. */
import {
  type HoldfastError,
  OutboxError,
  type OutboxErrorCode,
  OutboxFullError,
  type OutboxFullDetails,
} from '../../errors.ts'
import type { NewEntry, OutboxNotice, Settlement } from '../outbox.ts'
import type { ResolvedSqliteOptions } from './options.ts'

export interface WorkerInput {
  readonly options: ResolvedSqliteOptions
  readonly workspace: string
}

/** Everything but appends and settlements, which travel in groups. */
export type Question = 'claim' | 'renew' | 'stats' | 'lookup' | 'list' | 'resolveDead' | 'purge' | 'close'

export type Request =
  | { readonly type: 'group'; readonly number: number; readonly calls: readonly (readonly NewEntry[])[] }
  | { readonly type: 'settle'; readonly number: number; readonly settlements: readonly Settlement[] }
  | { readonly type: 'ask'; readonly number: number; readonly question: Question; readonly args: readonly unknown[] }

export type Reply =
  | { readonly type: 'answer'; readonly number: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly number: number; readonly error: SentError }
  | { readonly type: 'notice'; readonly notice: OutboxNotice }

/** The number of the reply that says whether the file could be opened. */
export const OPENING = 0

/** An error that has crossed between the threads; its class is made anew on the other side. */
export type SentError =
  | { readonly full: OutboxFullDetails }
  | { readonly code: OutboxErrorCode; readonly message: string; readonly path?: string }

export function sendError(error: unknown): SentError {
  if (error instanceof OutboxFullError) {
    const { bound, limit, used, retryAfterMs } = error
    return { full: { bound, limit, used, retryAfterMs } }
  }
  if (error instanceof OutboxError) {
    return { code: error.code, message: error.message, ...(error.path === undefined ? {} : { path: error.path }) }
  }
  return {
    code: 'OUTBOX_UNAVAILABLE',
    message: `the outbox failed: ${error instanceof Error ? error.message : typeof error}`,
  }
}

export function receiveError(sent: SentError): HoldfastError {
  if ('full' in sent) return new OutboxFullError(sent.full)
  return new OutboxError(sent.code, sent.message, sent.path === undefined ? {} : { path: sent.path })
}
