/**
 * The log: one JSON object a line, made by pino. Writing is nobody's business but its own: what a line cannot be, or a
 * destination that throws, is a number here and nothing anywhere else.
 */
import { pino } from 'pino'

import { OptionsError } from '../errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Destination } from './destination.ts'
import { LOG_LINES, type LogLine, type LogThreshold } from './log-line.ts'
import { prettyOf, type PrettyLine } from './pretty.ts'
import { createScrub } from './scrub.ts'
import { isoTime } from '../runtime/iso-time.ts'

export interface Logger {
  /** Lines below it are not written. May be set at any time. */
  level: LogThreshold
  /** Whether lines of the level `debug` are written. */
  readonly isDebug: boolean
  /** Never throws. */
  log(line: LogLine): void
  /** Texts that no line may show, from now on. */
  hide(secrets: readonly string[]): void
  /** Lines that could not be written. */
  readonly lost: number
  /** Waits until what was taken is written, or for `timeoutMs`. Never rejects. */
  flush(timeoutMs: number): Promise<void>
}

export interface LoggerOptions {
  readonly level: LogThreshold
  readonly destination: Destination
  readonly clock: Clock
  /** Lines for people instead of JSON. @defaultValue false */
  readonly pretty?: boolean
  /** With `pretty`. @defaultValue true */
  readonly colours?: boolean
  /** Texts that no line may show: keys and tokens. @defaultValue none */
  readonly secrets?: readonly string[]
}

const THRESHOLDS: readonly LogThreshold[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** @example `createLogger({ level: 'info', destination: descriptorDestination({ clock }), clock }).log({ event: 'resumed', message: '...' })` */
export function createLogger(options: LoggerOptions): Logger {
  const { destination, clock, pretty = false, colours = true } = options
  let scrub = createScrub(options.secrets ?? [])
  let failed = 0
  const write = (json: string): void => {
    try {
      const text = pretty ? prettyOf(JSON.parse(json) as PrettyLine, colours) : json
      destination.write(scrub(text))
    } catch {
      failed++
    }
  }
  const inner = pino(
    {
      level: checkedLevel(options.level),
      base: null,
      timestamp: () => `,"time":"${isoTime(clock.wallMs())}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  )
  return {
    get level() {
      return inner.level as LogThreshold
    },
    set level(level) {
      inner.level = checkedLevel(level)
    },
    get isDebug() {
      return inner.isLevelEnabled('debug')
    },
    log({ event, message, workspace, code, fields }) {
      try {
        inner[LOG_LINES[event].level]({ event, workspace, code, ...fields }, message)
      } catch {
        // A field that cannot be text.
        failed++
      }
    },
    hide(secrets) {
      scrub = createScrub(secrets)
    },
    get lost() {
      return failed + destination.lost
    },
    flush: (timeoutMs) => destination.flush(timeoutMs),
  }
}

function checkedLevel(level: unknown): LogThreshold {
  const known = THRESHOLDS.find((word) => word === level)
  if (known === undefined) throw new OptionsError('level', `must be one of ${THRESHOLDS.join(', ')}`)
  return known
}
