/** Rows as a table in plain text that is Markdown as well, so that it can be pasted into `bench/README.md`. */
import type { Row } from './case.ts'

export function table(rows: readonly Row[]): string {
  const lines = [
    ['what', 'required', 'measured', 'holds'],
    ...rows.map((row) => [row.what, row.required, row.measured, row.holds ? 'yes' : 'NO']),
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]!.length)))
  const written = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [written[0], rule, ...written.slice(1)].join('\n')
}
