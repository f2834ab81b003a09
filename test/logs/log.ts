/** A log on virtual time whose lines the test reads. */
import type { Destination } from '../../src/logs/destination.ts'
import type { LogThreshold } from '../../src/logs/log-line.ts'
import { createLogger, type Logger } from '../../src/logs/logger.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

export interface TestLog {
  readonly clock: VirtualClock
  readonly logger: Logger
  /** Everything that was written. */
  readonly text: () => string
  readonly lines: () => readonly Record<string, unknown>[]
}

export function memoryDestination(): Destination & { readonly texts: string[] } {
  const texts: string[] = []
  return { texts, write: (text) => void texts.push(text), lost: 0, flush: () => Promise.resolve() }
}

export function createTestLog(
  options: { readonly level?: LogThreshold; readonly secrets?: readonly string[] } = {},
): TestLog {
  const clock = new VirtualClock()
  const destination = memoryDestination()
  const logger = createLogger({ level: 'info', destination, clock, ...options })
  return {
    clock,
    logger,
    text: () => destination.texts.join(''),
    lines: () => destination.texts.map((text) => JSON.parse(text) as Record<string, unknown>),
  }
}
