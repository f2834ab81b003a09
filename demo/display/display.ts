/** What shows a run to whoever looks at it. */
import type { Plan } from '../plan.ts'
import type { Note, Result } from '../result.ts'

/** How things stand at a moment. */
export interface Scene {
  readonly atMs: number
  /** The time of day in the shop. */
  readonly timeOfDayMs: number
  /** Calls that will have been made at closing time, as far as is known: the whole of each bar. */
  readonly calls: number
  readonly holdfast: {
    readonly isAlive: boolean
    readonly arrived: number
    readonly waiting: number
    readonly perSecond: number
    readonly role: 'active' | 'standby'
    readonly circuitState: 'closed' | 'open' | 'half-open'
    readonly oldestAgeMs: number | null
  }
  readonly official: {
    readonly arrived: number
    readonly underWay: number
    readonly lost: number
    readonly perSecond: number
  }
}

export interface Opening {
  readonly lines: number
  readonly people: number
  readonly plan: Plan
}

export interface Display {
  readonly open: (opening: Opening) => void
  readonly note: (note: Note) => void
  readonly show: (scene: Scene) => void
  readonly close: (result: Result) => void
  /** The run did not come to its end. */
  readonly breakOff: () => void
}
