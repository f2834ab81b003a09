/**
 * What goes between the caller's thread and the outbox's: requests, replies, notices. Entries go as columns: cloning a
 * few arrays of strings and numbers costs half of cloning as many objects on the way out, and a quarter on the way in.
 */
import {
  OutboxError,
  OutboxFullError,
  type HoldfastError,
  type OutboxErrorCode,
  type OutboxFullDetails,
} from '../../errors.ts'
import type {
  AppendResult,
  Claim,
  ClaimedEntry,
  ClaimWant,
  DeadSelection,
  Lease,
  LeaseState,
  ListQuery,
  NewEntry,
  OutboxNotice,
  Position,
  Settlement,
  SharedPause,
} from '../outbox.ts'
import { positionOf, sequenceOf } from '../position.ts'
import type { Group, GroupResult } from './core.ts'
import type { ExecutionAnswer, ExecutionRequest } from './executions.ts'
import type { Handed, Head, HeadWant } from './handover.ts'
import type { ResolvedSqliteOptions } from './options.ts'

export interface WorkerSetup {
  readonly options: ResolvedSqliteOptions
  readonly workspace: string
}

export type Request =
  | { readonly kind: 'open' }
  | { readonly kind: 'write'; readonly group: PackedGroup }
  | { readonly kind: 'claim'; readonly want: ClaimWant }
  | { readonly kind: 'renew'; readonly leases: readonly Lease[]; readonly leaseMs: number }
  | { readonly kind: 'stats' }
  | { readonly kind: 'mayHold'; readonly lanes: readonly string[] }
  | { readonly kind: 'lookup'; readonly positions: readonly Position[] }
  | { readonly kind: 'head'; readonly want: HeadWant }
  | { readonly kind: 'handOver'; readonly handed: readonly Handed[] }
  | { readonly kind: 'whereabouts'; readonly positions: readonly Position[] }
  | { readonly kind: 'list'; readonly query: ListQuery }
  | { readonly kind: 'resolveDead'; readonly selection: DeadSelection; readonly how: 'replay' | 'drop' }
  | { readonly kind: 'purge'; readonly lane: string }
  | { readonly kind: 'setPaused'; readonly pause: SharedPause | null }
  | { readonly kind: 'execution'; readonly requests: readonly ExecutionRequest[] }
  | { readonly kind: 'close' }

export interface ToWorker {
  readonly call: number
  readonly request: Request
}

export type FromWorker =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly error: PackedError }
  | { readonly notice: OutboxNotice }

/** Numbers of one entry: its type, priority and key in one; accepted, expires, campaign (NaN for null); sequence, attempts. */
const STRIDE = 6

export interface PackedEntries {
  readonly ids: string[]
  readonly lanes: (string | readonly string[])[]
  readonly bodies: string[]
  /** The distinct types. */
  readonly types: string[]
  readonly numbers: number[]
}

export function packEntry(into: PackedEntries, entry: NewEntry, sequence: number, attempts: number): void {
  let type = into.types.indexOf(entry.type)
  if (type === -1) type = into.types.push(entry.type) - 1
  const flags = type * 4 + (entry.priority === 'live' ? 2 : 0) + (entry.keyed ? 1 : 0)
  into.ids.push(entry.id)
  into.lanes.push(entry.lanes.length === 1 ? entry.lanes[0]! : entry.lanes)
  into.bodies.push(entry.body)
  into.numbers.push(
    flags,
    entry.acceptedAtMs,
    entry.expiresAtMs ?? Number.NaN,
    entry.campaignAtMs ?? Number.NaN,
    sequence,
    attempts,
  )
}

export function emptyPack(): PackedEntries {
  return { ids: [], lanes: [], bodies: [], types: [], numbers: [] }
}

function unpackEntry(packed: PackedEntries, index: number): NewEntry {
  const at = index * STRIDE
  const flags = packed.numbers[at]!
  const lanes = packed.lanes[index]!
  return {
    id: packed.ids[index]!,
    lanes: typeof lanes === 'string' ? [lanes] : lanes,
    type: packed.types[flags >> 2]!,
    priority: (flags & 2) === 2 ? 'live' : 'bulk',
    acceptedAtMs: packed.numbers[at + 1]!,
    expiresAtMs: orNull(packed.numbers[at + 2]!),
    campaignAtMs: orNull(packed.numbers[at + 3]!),
    keyed: (flags & 1) === 1,
    body: packed.bodies[index]!,
  }
}

/** A group of calls on its way to its commit. */
export interface PackedGroup {
  readonly entries: PackedEntries
  /** How many of the entries each call of `append` has. */
  readonly calls: number[]
  readonly settlements: (readonly Settlement[])[]
}

export function emptyGroup(): PackedGroup {
  return { entries: emptyPack(), calls: [], settlements: [] }
}

export function unpackGroup({ entries, calls, settlements }: PackedGroup): Group {
  const appends: NewEntry[][] = []
  let next = 0
  for (const length of calls) {
    const call: NewEntry[] = []
    for (const end = next + length; next < end; next++) call.push(unpackEntry(entries, next))
    appends.push(call)
  }
  return { appends, settlements }
}

/** Of each appended entry its sequence, negative for a duplicate; most calls have one. */
export type PackedAppended = number | readonly number[]

/** Of a call that was refused its error instead. */
export interface PackedGroupResult {
  readonly appends: readonly (PackedAppended | PackedError)[]
  readonly settlements: readonly (readonly LeaseState[])[]
}

export function packGroupResult({ appends, settlements }: GroupResult): PackedGroupResult {
  return {
    appends: appends.map((answer) => {
      if (answer instanceof Error) return packError(answer)
      return answer.length === 1 ? packAppended(answer[0]!) : answer.map(packAppended)
    }),
    settlements,
  }
}

function packAppended({ state, position }: AppendResult): number {
  return state === 'stored' ? sequenceOf(position) : -sequenceOf(position)
}

export function unpackAppended(packed: PackedAppended): readonly AppendResult[] {
  return typeof packed === 'number' ? [appended(packed)] : packed.map(appended)
}

function appended(sequence: number): AppendResult {
  return { state: sequence > 0 ? 'stored' : 'duplicate', position: positionOf(Math.abs(sequence)) }
}

export type PackedExecutionAnswer = { readonly value: unknown } | { readonly error: PackedError }

export function packExecutionAnswer(answer: ExecutionAnswer): PackedExecutionAnswer {
  return answer instanceof Error ? { error: packError(answer) } : { value: answer }
}

export interface PackedClaim extends Omit<Claim, 'entries'> {
  readonly entries: PackedEntries
}

export interface PackedHead extends Omit<Head, 'entries'> {
  readonly entries: PackedEntries
}

export function packClaim(claim: Claim): PackedClaim {
  return { ...claim, entries: packAll(claim.entries) }
}

export function unpackClaim(packed: PackedClaim): Claim {
  return { ...packed, entries: unpackAll(packed.entries) }
}

export function packHead(head: Head): PackedHead {
  return { ...head, entries: packAll(head.entries) }
}

export function unpackHead(packed: PackedHead): Head {
  return { ...packed, entries: unpackAll(packed.entries) }
}

function packAll(claimed: readonly ClaimedEntry[]): PackedEntries {
  const entries = emptyPack()
  for (const entry of claimed) packEntry(entries, entry, sequenceOf(entry.position), entry.attempts)
  return entries
}

function unpackAll(entries: PackedEntries): readonly ClaimedEntry[] {
  return entries.ids.map((_, index): ClaimedEntry => {
    const at = index * STRIDE
    const position = positionOf(entries.numbers[at + 4]!)
    return { ...unpackEntry(entries, index), position, attempts: entries.numbers[at + 5]! }
  })
}

/** An error, which loses its class on the way. */
export interface PackedError {
  readonly code: string
  readonly message: string
  readonly path?: string
  readonly cause?: string
  readonly full?: OutboxFullDetails
}

export function packError(error: HoldfastError): PackedError {
  const { code, message, cause } = error
  return {
    code,
    message,
    ...(error instanceof OutboxError && error.path !== undefined ? { path: error.path } : {}),
    ...(cause instanceof Error ? { cause: cause.message } : {}),
    ...(error instanceof OutboxFullError ? { full: fullDetails(error) } : {}),
  }
}

export function unpackError({ code, message, path, cause, full }: PackedError): HoldfastError {
  if (full !== undefined) return new OutboxFullError(full)
  return new OutboxError(code as OutboxErrorCode, message, {
    ...(path === undefined ? {} : { path }),
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  })
}

function fullDetails({ bound, limit, used, retryAfterMs }: OutboxFullError): OutboxFullDetails {
  return { bound, limit, used, retryAfterMs }
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
