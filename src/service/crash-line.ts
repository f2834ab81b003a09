/** The line of an error that nobody caught. Its message may repeat a payload, so only its name, code and places are told. */
import type { LogLine } from '../logs/log-line.ts'
import { word } from '../logs/word.ts'

const FRAMES_MAX = 20
const FRAME_CHARS_MAX = 300
const FRAME = /^ {4}at .*:\d+:\d+\)?$/

export function crashLine(error: unknown): LogLine {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return {
    event: 'crashed',
    ...(code === undefined ? {} : { code: word(code) }),
    message: 'an error that nobody caught ends the process; what was answered is on the disk',
    fields: {
      name: error instanceof Error ? word(error.name) : typeof error,
      stack: error instanceof Error ? framesOf(error) : [],
    },
  }
}

/** A message may have lines that look like places: it is cut off first, and a stack that does not begin with it is not told. */
function framesOf({ stack = '', message }: Error): readonly string[] {
  const from = stack.indexOf(message)
  if (from === -1) return []
  return stack
    .slice(from + message.length)
    .split('\n')
    .filter((line) => FRAME.test(line))
    .slice(0, FRAMES_MAX)
    .map((line) => line.trim().slice(0, FRAME_CHARS_MAX))
}
