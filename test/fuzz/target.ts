/** The server that is fuzzed when no other one is named: a listener whose handler parses the body. */
import { answer } from '../../src/http/answer.ts'
import { listen } from '../../src/http/listen.ts'

export interface FuzzTarget {
  readonly url: string
  readonly close: () => Promise<void>
}

const JSON_TYPE = { 'content-type': 'application/json' }
const BODY_BYTES_MAX = 2_000_000

export async function startTarget(): Promise<FuzzTarget> {
  const server = await listen(
    async (request) => {
      if (Number(request.headers.get('content-length') ?? 0) > BODY_BYTES_MAX) return answer(413, JSON_TYPE, '{}')
      const text = await request.text()
      try {
        JSON.parse(text)
      } catch {
        return answer(400, JSON_TYPE, '{"meta":{"error":"the body is not JSON"}}')
      }
      return answer(200, JSON_TYPE, '{}')
    },
    { port: 0, headersTimeoutMs: 2_000, requestTimeoutMs: 2_000, lingerMs: 500 },
  )
  return {
    url: server.url,
    close: async () => {
      await server.close({ timeoutMs: 5_000 })
    },
  }
}
