/** An application's SDK as the relay sees it: keep-alive connections, one request after the other on each. */
import { Agent, request } from 'node:http'

export interface Answered {
  readonly status: number
  readonly body: string
}

export class TrackCaller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 })

  /** Rejects when there is no answer. */
  track(root: string, person: string, name: string, data: object = {}): Promise<Answered> {
    const authorization = `Basic ${Buffer.from('site:secret-key').toString('base64')}`
    const body = JSON.stringify({ name, data })
    return new Promise((resolve, reject) => {
      let answers = false
      const asked = request(`${root}/api/v1/customers/${person}/events`, {
        method: 'POST',
        agent: this.#agent,
        headers: { authorization, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      })
      asked.on('error', (error) => {
        // A connection that has served before was the relay's; another one may have waited at a port that was closed.
        Object.assign(error, { isUntaken: !asked.reusedSocket && !answers })
        reject(error)
      })
      asked.on('response', (answer) => {
        answers = true
        let text = ''
        answer.on('data', (bytes: Buffer) => (text += bytes.toString()))
        answer.on('error', reject)
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }))
      })
      asked.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** The code of what a request failed with. */
export function codeOfFailure(error: unknown): string {
  return error instanceof Error ? String(Reflect.get(error, 'code')) : 'unknown'
}

/** Whether the request failed on a new connection before any answer, as when nobody takes connections any more. */
export function isUntaken(error: unknown): boolean {
  return (
    error instanceof Error &&
    Reflect.get(error, 'isUntaken') === true &&
    ['ECONNREFUSED', 'ECONNRESET'].includes(codeOfFailure(error))
  )
}
