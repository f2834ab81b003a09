/** The data file that ships with the demo. */
import { readFileSync } from 'node:fs'

import { type Line, parseLines } from './line.ts'

export const DATA_URL: URL = new URL('../data/shop.ndjson', import.meta.url)

export function readShopDay(): readonly Line[] {
  return parseLines(readFileSync(DATA_URL, 'utf8'))
}
