/** A check looks at one thing, changes nothing, and says what it found in one sentence and what to do about it in another. */
export type Status = 'ok' | 'warn' | 'fail' | 'skipped'

/** Something safe that can be done about it. */
export interface Repair {
  /** In words: `make the folder /var/lib/holdfast`. */
  readonly what: string
  /** Resolves to what was done. */
  readonly run: () => Promise<string>
}

export interface Verdict {
  readonly status: Status
  readonly message: string
  /** What to do. */
  readonly hint?: string
  readonly repair?: Repair
  /** Decides the exit code of a failure. */
  readonly kind?: 'damaged' | 'unauthenticated'
}

export interface Finding extends Verdict {
  /** Stable, for programs: `data-dir`, `outbox shop`. */
  readonly check: string
}

export function ok(message: string): Verdict {
  return { status: 'ok', message }
}

export function warn(message: string, hint: string): Verdict {
  return { status: 'warn', message, hint }
}

export function fail(message: string, hint: string, kind?: Verdict['kind']): Verdict {
  return { status: 'fail', message, hint, ...(kind === undefined ? {} : { kind }) }
}

export function skipped(message: string): Verdict {
  return { status: 'skipped', message }
}
