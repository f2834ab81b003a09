/**
 * Bytes as lines, whatever the chunks. A line ends with a line feed, with or without a carriage return before it; the
 * last one needs none. A line that is longer than it may be is not kept, only its beginning is.
 */
export interface FileLine {
  /** 1 for the first of the file. */
  readonly number: number
  /** Where the line after it begins, in bytes from the start of the file. */
  readonly end: number
  /** Without its line ending; of a line that is too long, the beginning. */
  readonly bytes: Buffer
  readonly tooLong: boolean
}

export interface LinePlace {
  /** Bytes and lines before the first chunk. */
  readonly offset: number
  readonly line: number
}

/** Of a line that is too long, so much is kept to know it by. */
const KEPT_BYTES = 1_000

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  { offset, line }: LinePlace,
  lineBytesMax: number,
): AsyncGenerator<FileLine> {
  let number = line
  let end = offset
  let parts: Buffer[] = []
  let length = 0
  const take = (part: Buffer): void => {
    length += part.byteLength
    if (length <= lineBytesMax) parts.push(part)
    else if (parts.length !== 1 || parts[0]!.byteLength > KEPT_BYTES) {
      // Copied, so that a part of a chunk does not hold the whole of it.
      parts = [Buffer.from(Buffer.concat([...parts, part]).subarray(0, KEPT_BYTES))]
    }
  }
  const ended = (feedBytes: number): FileLine => {
    const bytes = trimmed(parts.length === 1 ? parts[0]! : Buffer.concat(parts), end === 0)
    end += length + feedBytes
    number++
    const found = { number, end, bytes, tooLong: length > lineBytesMax }
    parts = []
    length = 0
    return found
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      take(chunk.subarray(from, at))
      from = at + 1
      yield ended(1)
    }
    if (from < chunk.byteLength) take(chunk.subarray(from))
  }
  if (length > 0) yield ended(0)
}

/** Without the mark that some programs put at the beginning of a file, and without a carriage return. */
function trimmed(bytes: Buffer, isFirst: boolean): Buffer {
  const start = isFirst && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.byteLength - 1 : bytes.byteLength
  return start === 0 && end === bytes.byteLength ? bytes : bytes.subarray(start, end)
}
