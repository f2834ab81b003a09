/** Looks at both sides some times a second and gives the display what it shows. */
import type { Display, Scene } from './display/display.ts'
import type { Player } from './player.ts'
import type { Side } from './side.ts'

const EVERY_MS = 100
/** Rates are those of the last second. */
const LOOKS_PER_RATE = 10

export interface Watched {
  readonly lines: number
  readonly holdfast: Side
  readonly official: Side
  readonly player: Player
  readonly display: Display
  readonly nowMs: () => number
}

interface Look {
  readonly atMs: number
  readonly holdfast: number
  readonly official: number
}

export class Watcher {
  readonly #watched: Watched
  readonly #looks: Look[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(watched: Watched) {
    this.#watched = watched
  }

  start(): void {
    this.look()
    this.#timer = setInterval(() => this.look(), EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  look(): void {
    const { lines, holdfast, official, player, display, nowMs } = this.#watched
    const atMs = nowMs()
    const look: Look = { atMs, holdfast: holdfast.look().calls, official: official.look().calls }
    this.#looks.push(look)
    if (this.#looks.length > LOOKS_PER_RATE + 1) this.#looks.shift()
    const rate = (of: 'holdfast' | 'official'): number => {
      const first = this.#looks[0]!
      return look.atMs === first.atMs ? 0 : Math.round(((look[of] - first[of]) / (look.atMs - first.atMs)) * 1_000)
    }
    const { underWay } = official.backend
    const condition = holdfast.backend.condition
    const scene: Scene = {
      atMs,
      timeOfDayMs: player.timeOfDayMs(atMs),
      calls: lines - player.notMade,
      holdfast: {
        isAlive: holdfast.backend.isAlive,
        arrived: look.holdfast,
        waiting: holdfast.missing,
        perSecond: rate('holdfast'),
        role: condition?.role ?? 'active',
        circuitState: condition?.circuitState ?? 'closed',
        oldestAgeMs: condition?.oldestAgeMs ?? null,
      },
      official: {
        arrived: look.official,
        underWay,
        lost: Math.max(0, official.missing - underWay),
        perSecond: rate('official'),
      },
    }
    display.show(scene)
  }
}
