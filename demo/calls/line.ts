/**
 * A line of the data file: one call of a shop's day. Any method that both `ResilientCustomerIO` and the official
 * `TrackClient` have may stand there; every positional argument is given, so that options can follow the last one.
 */

export const METHODS = [
  'identify',
  'track',
  'trackAnonymous',
  'trackPageView',
  'addDevice',
  'deleteDevice',
  'mergeCustomers',
  'addCustomersToSegment',
  'removeCustomersFromSegment',
  'destroy',
] as const

export type Method = (typeof METHODS)[number]

/** How many arguments each method takes before its options. */
export const ARITY: Readonly<Record<Method, number>> = {
  identify: 2,
  track: 2,
  trackAnonymous: 2,
  trackPageView: 2,
  addDevice: 4,
  deleteDevice: 2,
  mergeCustomers: 4,
  addCustomersToSegment: 3,
  removeCustomersFromSegment: 3,
  destroy: 1,
}

export interface Line {
  /** Milliseconds since the shop opened. */
  readonly offsetMs: number
  readonly method: Method
  readonly args: readonly unknown[]
}

/** Throws with the number of the line that is none. */
export function parseLines(text: string): readonly Line[] {
  return text
    .split('\n')
    .filter((row) => row !== '')
    .map((row, index) => {
      const line = JSON.parse(row) as Line
      const isLine =
        Number.isSafeInteger(line.offsetMs) &&
        METHODS.includes(line.method) &&
        Array.isArray(line.args) &&
        line.args.length === ARITY[line.method]
      if (!isLine) throw new Error(`line ${index + 1} of the data is no call`)
      return line
    })
}

export function writeLines(lines: readonly Line[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}
