/** The show without a terminal: lines only, with the state of things now and then. */
import type { Display, Scene } from './display.ts'
import { clock, count, duration } from './format.ts'
import { endLines, headLines, noteLines } from './lines.ts'
import { painterFor } from './paint.ts'

const WIDTH = 100
const EVERY_MS = 2_000

export function plainDisplay(stream: NodeJS.WritableStream): Display {
  const paint = painterFor(stream)
  let shownAtMs = 0
  const print = (lines: readonly string[]): void => {
    for (const line of lines) stream.write(`${line}\n`)
  }
  return {
    open: (opening) => print(headLines(opening, WIDTH, paint)),
    note: (note) => print(noteLines(note, WIDTH, paint)),
    show(scene) {
      if (scene.atMs - shownAtMs < EVERY_MS) return
      shownAtMs = scene.atMs
      print([stateLine(scene)])
    },
    close: (result) => print(endLines(result, WIDTH, paint)),
    breakOff: () => {},
  }
}

function stateLine({ atMs, holdfast, official }: Scene): string {
  const oldest = holdfast.oldestAgeMs === null ? '' : `, the oldest for ${duration(holdfast.oldestAgeMs)}`
  const state = !holdfast.isAlive
    ? 'not running'
    : holdfast.role === 'standby'
      ? 'stands by'
      : `circuit ${holdfast.circuitState}`
  return (
    `${clock(atMs).padEnd(9)}... Holdfast ${count(holdfast.arrived)} arrived, ${count(holdfast.waiting)} waiting${oldest}, ` +
    `${state}; customerio-node ${count(official.arrived)} arrived, ${count(official.lost)} lost`
  )
}
