/** The events of a load: whose they are, what they carry, and the ids under which a repeat is known. */
import { createHash } from 'node:crypto'

import { ulidOfBytes } from '../runtime/ulid.ts'

export interface LoadEvent {
  readonly path: string
  readonly body: string
}

/** @param run names the run; also the name of its events. @param padding more bytes of data */
export function loadEvent(run: string, person: number, number: number, padding: string): LoadEvent {
  const id = ulidOfBytes(createHash('sha256').update(`holdfast load\n${run}\n${person}\n${number}`).digest())
  const data = padding === '' ? { n: number } : { n: number, padding }
  return {
    path: `/api/v1/customers/${encodeURIComponent(personName(run, person))}/events`,
    body: JSON.stringify({ name: run, id, data }),
  }
}

function personName(run: string, person: number): string {
  return `${run}-${person}`
}

/** The number of a person by name; -1 for nobody of this run. */
export function personNumber(run: string, name: string | null): number {
  if (name === null || !name.startsWith(`${run}-`)) return -1
  const digits = name.slice(run.length + 1)
  return /^\d{1,9}$/.test(digits) ? Number(digits) : -1
}
