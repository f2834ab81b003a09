/** For machines: nothing while it runs, one JSON object at the end. */
import type { Display } from './display.ts'

export function jsonDisplay(stream: NodeJS.WritableStream): Display {
  return {
    open: () => {},
    note: () => {},
    show: () => {},
    close: (result) => void stream.write(`${JSON.stringify(result, null, 2)}\n`),
    breakOff: () => {},
  }
}
