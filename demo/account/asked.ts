/** What the application knows of the calls that it made, from its own side. */

export type Fate =
  /** No answer yet. */
  | { readonly kind: 'under-way' }
  /** The client resolved. With Holdfast: the call is stored, and this is its receipt. */
  | { readonly kind: 'acknowledged'; readonly atMs: number; readonly waitedMs: number; readonly id: string | null }
  /** The client rejected. */
  | { readonly kind: 'failed'; readonly atMs: number; readonly waitedMs: number; readonly reason: string }
  /** The process died with the call in its memory, and nobody made it again. */
  | { readonly kind: 'gone' }

export interface Asked {
  /** The number of the call's line. */
  readonly n: number
  /** Wall time at which it was made first. */
  readonly atMs: number
  /** More than 1 when the process died with the call under way and the application made it again. */
  readonly times: number
  readonly fate: Fate
}
