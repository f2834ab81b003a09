/** What happens in a world, from its seed alone: whose each operation is, and which process ends when. */
import type { Random } from '../../../src/runtime/runtime.ts'

export interface Size {
  readonly operations: number
  readonly people: number
}

/** Operations of one person that come close together: those behind the first are what could overtake it. */
const BURST = 5

/**
 * In each stretch of operations a part of the people is busy, interleaved with each other; the next stretch keeps half of
 * them. Everybody has the same number of operations in the end.
 */
export function personOf(number: number, { people }: Size): number {
  const stretch = Math.floor(number / people)
  const busy = Math.max(1, Math.floor(people / BURST))
  return (Math.floor((stretch * busy) / 2) + (number % busy)) % people
}

export function nameOf(person: number): string {
  return `user_${person}`
}

export function typeOf(number: number): 'identify' | 'event' {
  return number % 3 === 0 ? 'identify' : 'event'
}

/** Customer.io refuses these for good, each alone. */
export function isRefused(number: number): boolean {
  return number % 197 === 3
}

/**
 * What is done to the process that is the first to begin so many requests after more operations were stored, or to the
 * server then; a while after that.
 */
interface When {
  readonly afterRequests: number
  readonly thenMs: number
}

export type Blow =
  | (When & { readonly to: 'consumer'; readonly how: 'kill' })
  /** For longer than its leases last. */
  | (When & { readonly to: 'consumer'; readonly how: 'freeze'; readonly beyondMs: number })
  | (When & { readonly to: 'server'; readonly how: 'kill'; readonly downMs: number })

export interface Counts {
  readonly kills: number
  readonly freezes: number
  readonly serverKills: number
}

export const CONSUMERS = 2
const AFTER_REQUESTS_MAX = 4
/** A request takes about as long: it may be on its way, answered, or its verdict be written. */
const THEN_MS_MAX = 50
const BEYOND_MS = { min: 500, max: 2_000 }
const DOWN_MS_MAX = 800

export function blowsOf({ kills, freezes, serverKills }: Counts, random: Random): readonly Blow[] {
  const when = (): When => ({
    afterRequests: 1 + Math.floor(random() * AFTER_REQUESTS_MAX),
    thenMs: random() * THEN_MS_MAX,
  })
  const beyondMs = (): number => BEYOND_MS.min + random() * (BEYOND_MS.max - BEYOND_MS.min)
  const blows = [
    ...Array.from({ length: kills }, (): Blow => ({ to: 'consumer', how: 'kill', ...when() })),
    ...Array.from({ length: freezes }, (): Blow => ({
      to: 'consumer',
      how: 'freeze',
      beyondMs: beyondMs(),
      ...when(),
    })),
    ...Array.from({ length: serverKills }, (): Blow => ({
      to: 'server',
      how: 'kill',
      downMs: random() * DOWN_MS_MAX,
      ...when(),
    })),
  ]
  return shuffled(blows, random)
}

function shuffled<T>(list: readonly T[], random: Random): readonly T[] {
  return list
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
