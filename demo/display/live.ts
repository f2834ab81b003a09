/**
 * The show in a terminal: the timeline scrolls, and below it three lines are drawn anew: a bar for each side and how
 * things stand. `cli-progress` moves the cursor; what the lines say is ours.
 */
import type { WriteStream } from 'node:tty'

import cliProgress from 'cli-progress'

import { holdfastLine, officialLine, stateLine } from './bar.ts'
import type { Display, Scene } from './display.ts'
import { endLines, headLines, noteLines } from './lines.ts'
import { painterFor } from './paint.ts'

const COLUMNS_MAX = 120
/** After a character in the last column the cursor still stands there, and clearing the rest would clear it too. */
const FREE_COLUMNS = 1
/** Clears what the line before had there. */
const CLEAR_REST = '\u001B[K'

export function liveDisplay(stream: WriteStream): Display {
  const paint = painterFor(stream)
  const columns = (): number => Math.min(COLUMNS_MAX, stream.columns) - FREE_COLUMNS
  const bars = new cliProgress.MultiBar({
    stream,
    fps: 12,
    hideCursor: true,
    // A line that is too long is cut by the terminal, not broken.
    linewrap: false,
    clearOnComplete: true,
    // The timeline overwrites the bars, so they are drawn anew even when they say the same.
    forceRedraw: true,
    // Breaking off is the business of whoever runs the demo.
    gracefulExit: false,
  })
  let scene: Scene | undefined
  const draw = (drawn: (now: Scene) => string) => (): string => (scene === undefined ? '' : drawn(scene))
  const log = (lines: readonly string[]): void => {
    for (const line of lines) bars.log(`${line}${CLEAR_REST}\n`)
  }
  const print = (lines: readonly string[]): void => {
    for (const line of lines) stream.write(`${line}\n`)
  }
  const stop = (): void => {
    // Draws once more, so that no line of the timeline is left in the buffer.
    bars.update()
    bars.stop()
  }
  return {
    open(opening) {
      print(headLines(opening, columns(), paint))
      const formats = [
        draw((now) => holdfastLine(now, columns(), paint)),
        draw((now) => officialLine(now, columns(), paint)),
        draw((now) => stateLine(now, paint)),
      ]
      for (const format of formats) bars.create(1, 0, {}, { format })
    },
    note: (note) => log(noteLines(note, columns(), paint)),
    show(now) {
      scene = now
    },
    close(result) {
      stop()
      print(endLines(result, columns(), paint))
    },
    breakOff: stop,
  }
}
