/** Tables in plain text that are Markdown as well, so that they can be pasted into `bench/README.md`. */
import type { Row } from './case.ts'

export function table(rows: readonly Row[]): string {
  return written([
    ['what', 'required', 'measured', 'holds'],
    ...rows.map((row) => [row.what, row.required, row.measured, row.holds ? 'yes' : 'NO']),
  ])
}

/** The first line is the head. */
export function written(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const bars = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [bars[0], rule, ...bars.slice(1)].join('\n')
}
