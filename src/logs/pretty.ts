/** A line for people at a terminal. */
import type { LogLevel, LogValue } from './log-line.ts'

const COLOURS: Readonly<Record<LogLevel, string>> = { debug: '2', info: '32', warn: '33', error: '31' }

export interface PrettyLine {
  /** As `isoTime` writes it. */
  readonly time: string
  readonly level: LogLevel
  readonly event: string
  readonly msg: string
  readonly [field: string]: LogValue | undefined
}

/** @example `09:30:12 warn  circuit-open  Customer.io does not answer well  workspace=shop code=status-503` */
export function prettyOf(line: PrettyLine, colours: boolean): string {
  const { time, level, event, msg, ...fields } = line
  const paint = (code: string, text: string): string => (colours ? `\u001B[${code}m${text}\u001B[0m` : text)
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) =>
        `${name}=${typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value)}`,
    )
  const head = `${paint('2', time.slice(11, 19))} ${paint(COLOURS[level], level.padEnd(5))} ${event}`
  return `${[`${head}  ${msg}`, ...(rest.length > 0 ? [paint('2', rest.join(' '))] : [])].join('  ')}\n`
}
