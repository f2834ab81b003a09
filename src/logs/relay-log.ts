/**
 * The relay's events as lines: one for each transition that a person acts on, never one for each request. What can come a
 * thousand times a second is said once and then counted.
 */
import type { HoldfastEvent } from '../observe/events.ts'
import type { RelayEvent, RelayListener } from '../observe/relay-events.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from './logger.ts'
import type { LogLine } from './log-line.ts'
import { createTally, type Tally } from './tally.ts'
import { lineOfWorkspace } from './workspace-lines.ts'
import { word } from './word.ts'

const OFTEN_MS = 10_000
const SELDOM_MS = 60_000

export interface RelayLog {
  /** Says what is still uncounted, and ends the subscription. */
  end(): void
}

/** @param relay of which the events are written */
export function logRelay(logger: Logger, relay: { on(listener: RelayListener): () => void }, clock: Clock): RelayLog {
  const writer = new RelayWriter(logger, clock)
  const off = relay.on((event) => writer.write(event))
  return {
    end() {
      off()
      writer.end()
    },
  }
}

class RelayWriter {
  readonly #logger: Logger
  readonly #often: Tally
  readonly #seldom: Tally
  /** Workspaces whose newest call could not be stored. */
  readonly #cannotStore = new Set<string>()

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger
    this.#often = createTally(clock, OFTEN_MS)
    this.#seldom = createTally(clock, SELDOM_MS)
  }

  end(): void {
    this.#often.end()
    this.#seldom.end()
  }

  write(event: RelayEvent): void {
    switch (event.type) {
      case 'workspace':
        this.#writeWorkspace(event.workspace, event.event)
        return
      case 'answered':
        this.#writeAnswer(event)
        return
      case 'phase': {
        const fields = { from: word(event.from), to: word(event.to) }
        this.#logger.log({ event: 'phase', message: `the relay is ${word(event.to)}`, fields })
        return
      }
      case 'workspaces': {
        const { added, changed, removed } = event
        this.#logger.log({
          event: 'workspaces',
          message: 'the workspaces changed',
          fields: { added, changed, removed },
        })
        return
      }
      case 'connection':
        this.#count(this.#seldom, 1, {
          event: 'connection-refused',
          code: word(event.refused),
          message: 'connections are turned away',
        })
    }
  }

  #writeAnswer(event: Extract<RelayEvent, { readonly type: 'answered' }>): void {
    if (event.result === 'unauthorized') {
      this.#count(this.#seldom, 1, {
        event: 'unauthorized',
        message: 'requests come with credentials of no workspace',
      })
    } else if (event.result === 'busy') {
      this.#count(this.#seldom, 1, { event: 'overloaded', message: 'too many requests are under way' })
    }
    // Built only where somebody reads it: there are thousands a second.
    if (!this.#logger.isDebug) return
    this.#logger.log({
      event: 'answered',
      ...(event.workspace === null ? {} : { workspace: event.workspace }),
      code: word(event.result),
      message: 'a request was answered',
      fields: {
        route: word(event.route),
        status: event.status,
        operations: event.operations,
        duplicates: event.duplicates,
        bytes: event.bytes,
        durationMs: Math.round(event.durationMs),
      },
    })
  }

  #writeWorkspace(workspace: string, event: HoldfastEvent): void {
    switch (event.type) {
      case 'accepted':
        if (!this.#cannotStore.delete(workspace)) return
        this.#logger.log({ event: 'storing-again', workspace, message: 'requests are stored again' })
        return
      case 'refused':
        this.#writeRefusal(workspace, event)
        return
      case 'request':
        if (!this.#logger.isDebug) return
        break
      case 'dead-letter':
        for (const [code, count] of countBy(event.entries.map(({ reason }) => word(reason)))) {
          this.#count(this.#often, count, {
            event: 'dead-letters',
            workspace,
            code,
            message: 'operations were given up',
          })
        }
        return
      case 'throttled':
        this.#count(this.#often, 1, {
          event: 'throttled',
          workspace,
          message: 'Customer.io asks to slow down',
          fields: { perSecond: rounded(event.perSecond), cooldownMs: rounded(event.cooldownMs) },
        })
        return
      case 'damaged-entry':
        this.#count(this.#often, 1, {
          event: 'damaged-entry',
          workspace,
          message: 'stored operations do not match their checksums; they are dead letters',
        })
        return
      case 'outbox-error':
        this.#count(this.#seldom, 1, {
          event: 'outbox-error',
          workspace,
          code: word(event.code),
          message: 'the outbox failed; delivery goes on when it can',
          fields: { during: word(event.during) },
        })
        return
      case 'lint':
        this.#count(this.#seldom, 1, {
          event: 'lint',
          workspace,
          code: word(event.reason),
          message: 'requests are stored that Customer.io will refuse',
        })
        return
      default:
    }
    const line = lineOfWorkspace(workspace, event)
    if (line !== null) this.#logger.log(line)
  }

  #writeRefusal(workspace: string, event: Extract<HoldfastEvent, { readonly type: 'refused' }>): void {
    const code = word(event.code)
    if (code === 'OUTBOX_FULL') {
      this.#count(this.#seldom, event.operations, {
        event: 'outbox-full',
        workspace,
        code,
        message: 'the outbox is full; requests are turned away',
      })
    } else if (code.startsWith('OUTBOX_') && code !== 'OUTBOX_CLOSED') {
      this.#count(this.#seldom, event.operations, {
        event: 'cannot-store',
        workspace,
        code,
        message: 'requests cannot be stored and are turned away',
      })
    } else return
    this.#cannotStore.add(workspace)
  }

  #count(tally: Tally, count: number, line: LogLine): void {
    const key = [line.event, line.workspace, line.code].join('\0')
    tally.add(key, count, (total) => this.#logger.log({ ...line, fields: { ...line.fields, count: total } }))
  }
}

function countBy(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const one of words) counts.set(one, (counts.get(one) ?? 0) + 1)
  return counts
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
