/** Single events over 256 connections: how many of them a second are stored and answered, beside a server that stores nothing. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Case } from '../case.ts'
import { measureInChild } from '../child.ts'
import { median, perSecond, ratio, ratios } from '../numbers.ts'
import { alternate } from '../rounds.ts'
import type { SaturateAnswer, SaturateInput } from './saturate.ts'
import { type RunningServer, startBare, startRelay, startUpstream } from './servers.ts'

const SIZES = { full: { rounds: 5, seconds: 8 }, quick: { rounds: 1, seconds: 1 } } as const
const CONNECTIONS = 256
const SHARE_MIN = 0.4

export const requests: Case = {
  name: 'requests',
  async run(context) {
    const { rounds, seconds } = SIZES[context.scale]
    const upstream = await startUpstream()
    const measure = async (server: RunningServer): Promise<number> => {
      const input: SaturateInput = { url: server.url, connections: CONNECTIONS, seconds, operations: 1 }
      const program = new URL('./saturate.ts', import.meta.url)
      const answer = await measureInChild<SaturateAnswer>(program, input)
      return answer.requestsPerSecond
    }
    const rates = await alternate(rounds, ['bare', 'relay'], async (side, round) => {
      const folder = join(context.folder, `requests-${round}`)
      mkdirSync(folder, { recursive: true })
      const server = side === 'bare' ? await startBare() : await startRelay(folder, upstream.url)
      const rate = await measure(server)
      await server.close()
      rmSync(folder, { recursive: true, force: true })
      context.say(`requests, round ${round + 1} of ${rounds}, ${side}: ${perSecond(rate)}`)
      return rate
    })
    await upstream.close()
    const share = median(ratios(rates.relay, rates.bare))
    return [
      {
        what: `single-event requests at ${CONNECTIONS} connections, durable answers`,
        required: `${SHARE_MIN} of a bare Hono server`,
        measured: `${ratio(share)} (${perSecond(median(rates.relay))} to ${perSecond(median(rates.bare))})`,
        holds: share >= SHARE_MIN,
        numbers: { share, relay: median(rates.relay), bare: median(rates.bare) },
      },
    ]
  },
}
