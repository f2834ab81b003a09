/** Reads what a server sent, as strictly as a client could, and says what is wrong with it. */

export interface Answers {
  readonly statuses: readonly number[]
  /** The last answer ends the connection: nothing behind it is owed. */
  readonly closes: boolean
  readonly problem: string | undefined
}

/** What a server may say to anything that is sent to it. Never a 500: that is a mistake of its own. */
const ALLOWED = new Set([100, 200, 204, 207, 400, 401, 403, 404, 405, 408, 411, 413, 415, 417, 422, 429, 431, 503])

const HEAD = /^HTTP\/1\.1 (\d{3}) [ -~]+((?:\r\n[!#$%&'*+.^_`|~\w-]+:[\t -~\u0080-\u00ff]*)*)$/

export function readAnswers(text: string): Answers {
  const statuses: number[] = []
  let closes = false
  let rest = text
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    const [, status, headers] = HEAD.exec(rest.slice(0, Math.max(end, 0))) ?? []
    if (status === undefined || headers === undefined)
      return { statuses, closes, problem: 'the head of an answer is not valid' }
    statuses.push(Number(status))
    closes = /\r\nconnection: *close\b/i.test(headers)
    if (!ALLOWED.has(Number(status))) return { statuses, closes, problem: `the status ${status} is not allowed` }
    const length = bodyLength(Number(status), headers)
    if (length === undefined) return { statuses, closes, problem: 'an answer does not tell its length' }
    const body = rest.slice(end + 4, end + 4 + length)
    if (body.length < length) return { statuses, closes, problem: 'an answer is shorter than it says' }
    if (/\r\ncontent-type: application\/json/i.test(headers) && !isJson(body)) {
      return { statuses, closes, problem: 'an answer says it is JSON and is not' }
    }
    rest = rest.slice(end + 4 + length)
  }
  return { statuses, closes, problem: undefined }
}

function bodyLength(status: number, headers: string): number | undefined {
  if (status === 204 || status < 200) return 0
  const lengths = [...headers.matchAll(/\r\ncontent-length: *(\d+)/gi)]
  return lengths.length === 1 ? Number(lengths[0]![1]) : undefined
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
