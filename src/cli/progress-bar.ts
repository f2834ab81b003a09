/** How a long command goes: a bar where somebody looks at it, a line of JSON every few seconds where nobody does. */
import { SingleBar } from 'cli-progress'

import type { Clock } from '../runtime/clock.ts'
import type { Output } from './io.ts'
import { createTimeLeft } from './time-left.ts'

export interface ProgressView {
  /** @param done of the total @param words what else there is to say */
  update(done: number, words: string, fields: Readonly<Record<string, unknown>>): void
  /** Takes the bar off the screen. */
  stop(): void
}

const LINE_EVERY_MS = 5_000

export function progressView(output: Output, clock: Clock, total: number): ProgressView {
  return output.isTerminal ? bar(output, clock, total) : lines(output, clock, total)
}

function lines(output: Output, clock: Clock, total: number): ProgressView {
  let saidAtMs = clock.monotonicMs()
  return {
    update(done, _words, fields) {
      const nowMs = clock.monotonicMs()
      if (nowMs - saidAtMs < LINE_EVERY_MS) return
      saidAtMs = nowMs
      const percent = total === 0 ? 100 : Math.floor((done / total) * 100)
      output.write(`${JSON.stringify({ progress: { percent, ...fields } })}\n`)
    },
    stop: () => {},
  }
}

function bar(output: Output, clock: Clock, total: number): ProgressView {
  const view = new SingleBar({
    format: '{bar} {percentage}% | {words} | {left} left',
    barCompleteChar: '#',
    barIncompleteChar: '.',
    barsize: 30,
    hideCursor: false,
    clearOnComplete: true,
    emptyOnZero: true,
    fps: 8,
    stream: streamOf(output),
    gracefulExit: false,
  })
  const timeLeft = createTimeLeft()
  view.start(Math.max(1, total), 0, { words: 'starting', left: '-' })
  return {
    update(done, words) {
      const left = timeLeft.at(clock.monotonicMs(), done, total)
      view.update(Math.min(done, total), { words, left })
    },
    stop: () => view.stop(),
  }
}

/** As much of a terminal's stream as the bar needs. */
function streamOf(output: Output): NodeJS.WritableStream {
  const stream = {
    isTTY: true,
    get columns() {
      return output.columns
    },
    write(text: string) {
      output.write(text)
      return true
    },
    on: () => stream,
  }
  return stream as unknown as NodeJS.WritableStream
}
