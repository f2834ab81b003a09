/**
 * What a case of the bench is: it measures both sides in one run and gives one row for each figure that the project
 * promises. A figure that is missed is a row that says so; a case throws only when it could not measure, or when what
 * it measured did not do its work (operations that did not arrive, a store that holds fewer than it acknowledged).
 */

/** `quick` runs everything once with tiny sizes: it shows that the bench works, not how fast anything is. */
export type Scale = 'full' | 'quick'

export interface Context {
  readonly scale: Scale
  /** A folder of this run alone, on the project's own disk; removed at the end. */
  readonly folder: string
  /** Progress, for people. */
  readonly say: (line: string) => void
  /** What is not promised and yet worth showing beside the rows: printed below them. */
  readonly attach: (attachment: Attachment) => void
}

export interface Attachment {
  readonly title: string
  /** The first line is the head. */
  readonly lines: readonly (readonly string[])[]
}

export interface Row {
  readonly what: string
  readonly required: string
  readonly measured: string
  readonly holds: boolean
  /** No figure of this machine, but a promise: where it does not hold, the program ends with 1. */
  readonly isMust?: boolean
  /** The same for machines: every number of the row, and those behind it. */
  readonly numbers: Readonly<Record<string, number>>
}

export interface Case {
  readonly name: string
  readonly run: (context: Context) => Promise<readonly Row[]>
}
