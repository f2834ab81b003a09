/** Positions and leases of the file have a mark before them, so that it is known whose they are. */
import type { AppendResult, Claim, ListPage } from '../outbox.ts'

const MARK = 'spill:'

export function marked(name: string): string {
  return MARK + name
}

export function isMarked(name: string): boolean {
  return name.startsWith(MARK)
}

export function unmarked(name: string): string {
  return name.slice(MARK.length)
}

export function spilledResult({ state, position }: AppendResult): AppendResult {
  return { state, position: marked(position), spilled: true }
}

export function markedClaim(claim: Claim): Claim {
  return {
    ...claim,
    lease: marked(claim.lease),
    entries: claim.entries.map((entry) => ({ ...entry, position: marked(entry.position) })),
  }
}

export function markedPage({ entries, after }: ListPage): ListPage {
  return {
    entries: entries.map((entry) => ({ ...entry, position: marked(entry.position) })),
    after: after === null ? null : marked(after),
  }
}

/** Answers to a mixed list, in its order: those that `isOurs` says are of `ours`, the rest of `others`. */
export function zipped<Asked, Answer>(
  asked: readonly Asked[],
  isOurs: (each: Asked) => boolean,
  ours: readonly Answer[],
  others: readonly Answer[],
): readonly Answer[] {
  let our = 0
  let other = 0
  return asked.map((each) => (isOurs(each) ? ours[our++]! : others[other++]!))
}
