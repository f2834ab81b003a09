/** Text for people: aligned columns, colours where somebody looks. */
import type { HealthStatus } from '../observe/health.ts'
import type { Io } from './io.ts'

export type Align = 'left' | 'right'

export interface Column {
  readonly title: string
  readonly align?: Align
}

/**
 * Rows under their titles, two spaces between columns, without spaces at the end of a line.
 * @example `table([{ title: 'NAME' }, { title: 'COUNT', align: 'right' }], [['shop', '12']])`
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => row.map(oneLine))]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => widthOf(line[index] ?? ''))))
  const cell = (text: string, index: number): string => {
    const space = ' '.repeat(widths[index]! - widthOf(text))
    return columns[index]?.align === 'right' ? space + text : text + space
  }
  return lines.map((line) => line.map(cell).join('  ').trimEnd()).join('\n')
}

/** Names and values, a pair a line. */
export function pairs(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(value)}`.trimEnd()).join('\n')
}

/** What others have written cannot break a line, or speak to the terminal. Colours of our own stay. */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what must not reach a terminal
  return text.replaceAll(/[\u0000-\u001a\u001c-\u001f\u007f-\u009f]|\u001b(?!\[\d*m)/g, '?')
}

function widthOf(text: string): number {
  // oxlint-disable-next-line no-control-regex -- our own colours take no room
  return text.replaceAll(/\u001b\[\d*m/g, '').length
}

export type Paint = (text: string) => string

export interface Palette {
  readonly status: (status: HealthStatus, text: string) => string
  readonly bold: Paint
  readonly dim: Paint
}

const COLOURS: Readonly<Record<HealthStatus, number>> = {
  ok: 32,
  starting: 36,
  stopping: 36,
  degraded: 33,
  blocked: 35,
  failing: 31,
}

/** Colours on a terminal only, and not with NO_COLOR (https://no-color.org). */
export function paletteOf(io: Io): Palette {
  const isColoured = io.stdout.isTerminal && !io.env['NO_COLOR'] && io.env['TERM'] !== 'dumb'
  const paint = (code: number, text: string): string => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text)
  return {
    status: (status, text) => paint(COLOURS[status], text),
    bold: (text) => paint(1, text),
    dim: (text) => paint(2, text),
  }
}
