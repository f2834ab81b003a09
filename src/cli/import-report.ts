/** What `holdfast import` says: while it runs, at its end, and of a dry run. */
import { unreachable } from '../runtime/assert.ts'
import type { DryRunReport } from '../transfer/dry-run.ts'
import type { ImportEnd, ImportReport, ImportState } from '../transfer/import.ts'
import type { Prepared } from '../transfer/prepare.ts'
import { rejectedPath } from '../transfer/rejected-file.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Io } from './io.ts'
import { type GlobalOptions, report as tell } from './report.ts'

export interface ImportOutcome {
  readonly file: string
  readonly prepared: Prepared
  readonly report: ImportReport
  readonly seconds?: number
  readonly target?: string
}

export function wordsOf(
  { progress, waiting }: ImportState,
  before: number,
  seconds: number,
): { readonly text: string; readonly fields: Readonly<Record<string, unknown>> } {
  const perSecond = Math.round((progress.stored - before) / Math.max(seconds, 0.001))
  const { stored, rejected } = progress
  const bad = rejected > 0 ? `, ${count(rejected)} bad` : ''
  return {
    text:
      waiting === null
        ? `${count(stored)} stored${bad} | ${count(perSecond)}/s`
        : `${count(stored)} stored | waiting: ${waiting}`,
    fields: { stored, rejected, perSecond, ...(waiting === null ? {} : { waiting }) },
  }
}

export function tellImport(io: Io, options: GlobalOptions, outcome: ImportOutcome): ExitCode {
  const { file, prepared, report, seconds, target } = outcome
  const { end, progress } = report
  const isOld = prepared.start === 'done'
  const rejectedFile = progress.rejected > 0 ? rejectedPath(file) : null
  const value = {
    state: end.how,
    ...('reason' in end ? { reason: end.reason } : {}),
    file,
    ...(target === undefined ? {} : { target }),
    start: prepared.start,
    line: progress.line,
    stored: progress.stored,
    duplicates: progress.duplicates,
    rejected: progress.rejected,
    rejectedFile,
    ...(seconds === undefined ? {} : { seconds: Number(seconds.toFixed(3)) }),
  }
  tell(io, options, value, () => {
    const lines = [
      isOld ? `${file} was imported already; nothing was sent. --restart sends it again.` : headline(end, outcome),
    ]
    lines.push(
      `  stored    ${count(progress.stored)}${progress.duplicates > 0 ? ` (${count(progress.duplicates)} were there already)` : ''}`,
    )
    if (rejectedFile !== null)
      lines.push(`  bad lines ${count(progress.rejected)}, kept with their reasons in ${rejectedFile}`)
    if (end.how !== 'done') {
      const part = progress.fileBytes === 0 ? 0 : Math.floor((progress.offset / progress.fileBytes) * 100)
      const share = file.endsWith('.gz') ? '' : ` (${part}% of the file)`
      lines.push(`  done up to line ${count(progress.line)}${share}; the same command goes on from there`)
    }
    return lines.join('\n')
  })
  return exitOf(end, progress.rejected)
}

export function tellDryRun(io: Io, options: GlobalOptions, file: string, report: DryRunReport): ExitCode {
  tell(io, options, { state: 'dry-run', file, ...report }, () => {
    const lines = [`${file}: ${count(report.good)} good, ${count(report.bad)} bad; nothing was sent`]
    for (const { reason, field, lines: many } of report.reasons.slice(0, 10)) {
      lines.push(`  ${count(many)} × ${field}: ${reason}`)
    }
    for (const { line, problems } of report.first)
      lines.push(`  line ${line}: ${problems[0]?.field}: ${problems[0]?.message}`)
    if (report.bad > report.first.length) lines.push(`  ... and ${count(report.bad - report.first.length)} more`)
    return lines.join('\n')
  })
  return report.bad > 0 ? EXIT.partial : EXIT.ok
}

function headline(end: ImportEnd, { file, seconds = 0, prepared, report }: ImportOutcome): string {
  const many = report.progress.stored - prepared.progress.stored
  const rate = `${count(many)} operations in ${seconds.toFixed(1)} s (${count(Math.round(many / Math.max(seconds, 0.001)))}/s)`
  switch (end.how) {
    case 'done':
      return `${file} is imported: ${rate}`
    case 'interrupted':
      return `interrupted: ${rate}`
    case 'gave-up':
      return `gave up: ${end.reason}`
    case 'refused':
      return `stopped: ${end.reason}`
    case 'too-many-bad':
      return `stopped: too many lines are bad`
    default:
      return unreachable(end)
  }
}

function exitOf(end: ImportEnd, rejected: number): ExitCode {
  switch (end.how) {
    case 'done':
      return rejected > 0 ? EXIT.partial : EXIT.ok
    case 'interrupted':
    case 'too-many-bad':
      return EXIT.partial
    case 'gave-up':
      return EXIT.unreachable
    case 'refused':
      return { unauthenticated: EXIT.unauthenticated, forbidden: EXIT.forbidden, api: EXIT.api, damaged: EXIT.store }[
        end.why
      ]
    default:
      return unreachable(end)
  }
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}
