/** A stream of bytes as the JSON values of its lines. Empty lines are signs of life, and are left out. */
import { AdminError } from './admin-error.ts'

/** Far more than any event takes. */
const LINE_CHARS_MAX = 1_000_000

export async function* valuesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_CHARS_MAX) throw new AdminError('bad-answer', 'a line of the answer is too long')
    for (const line of lines) if (line !== '') yield parsed(line)
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new AdminError('bad-answer', 'a line of the answer is no JSON', { cause })
  }
}
