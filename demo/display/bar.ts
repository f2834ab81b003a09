/** The live lines: a bar for each side, and how things stand. Every line is exactly as wide as it may be, or shorter. */
import type { Scene } from './display.ts'
import { count, duration, timeOfDay } from './format.ts'
import type { Colour, Paint } from './paint.ts'

const NAME_WIDTH = 17
const ARRIVED_WIDTH = 15
const RATE_WIDTH = 8
const REST_WIDTH = 16
const BAR_MIN = 10
const BAR_MAX = 60

interface Part {
  readonly amount: number
  readonly sign: string
  readonly colour: Colour
}

/** What has arrived, what is still to come, what never will. */
export function bar(whole: number, parts: readonly Part[], width: number, paint: Paint): string {
  let used = 0
  let sum = 0
  let text = ''
  for (const { amount, sign, colour } of parts) {
    sum += amount
    // Rounding the ends, not the lengths, so that the parts always fill what they fill together.
    const end = whole === 0 ? 0 : Math.min(width, Math.round((sum / whole) * width))
    text += paint(colour, sign.repeat(Math.max(0, end - used)))
    used = Math.max(used, end)
  }
  return text + paint('dim', '░'.repeat(width - used))
}

export function barWidth(columns: number): number {
  const rest = columns - NAME_WIDTH - ARRIVED_WIDTH - RATE_WIDTH - REST_WIDTH - 1
  return Math.min(BAR_MAX, Math.max(BAR_MIN, rest))
}

export function holdfastLine(scene: Scene, columns: number, paint: Paint): string {
  const { arrived, waiting, perSecond } = scene.holdfast
  const parts: readonly Part[] = [
    { amount: arrived, sign: '█', colour: 'green' },
    { amount: waiting, sign: '▓', colour: 'yellow' },
  ]
  return line(
    'Holdfast',
    bar(scene.calls, parts, barWidth(columns), paint),
    arrived,
    perSecond,
    `${count(waiting)} waiting`,
  )
}

export function officialLine(scene: Scene, columns: number, paint: Paint): string {
  const { arrived, underWay, lost, perSecond } = scene.official
  const parts: readonly Part[] = [
    { amount: arrived, sign: '█', colour: 'green' },
    { amount: underWay, sign: '▓', colour: 'yellow' },
    { amount: lost, sign: '▒', colour: 'red' },
  ]
  return line(
    'customerio-node',
    bar(scene.calls, parts, barWidth(columns), paint),
    arrived,
    perSecond,
    `${count(lost)} lost`,
  )
}

export function stateLine(scene: Scene, paint: Paint): string {
  const { isAlive, role, circuitState, oldestAgeMs } = scene.holdfast
  const oldest = oldestAgeMs === null ? '' : `, oldest operation: ${duration(oldestAgeMs)}`
  const holdfast = role === 'standby' ? 'Holdfast stands by' : `Holdfast's circuit: ${circuitState}`
  const state = isAlive ? holdfast + oldest : 'both processes are dead'
  return paint('dim', `${timeOfDay(scene.timeOfDayMs)} in the shop; ${state}`)
}

function line(name: string, drawn: string, arrived: number, perSecond: number, rest: string): string {
  return (
    name.padEnd(NAME_WIDTH) +
    drawn +
    `${count(arrived)} arrived`.padStart(ARRIVED_WIDTH) +
    `${count(perSecond)}/s`.padStart(RATE_WIDTH) +
    rest.padStart(REST_WIDTH)
  )
}
