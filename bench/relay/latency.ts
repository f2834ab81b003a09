/** How long an answer takes at 2,000 requests a second, beside a server that stores nothing. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Case } from '../case.ts'
import { measureInChild } from '../child.ts'
import { median } from '../numbers.ts'
import { alternate } from '../rounds.ts'
import type { CommitAnswer, CommitInput } from './commit.ts'
import { startBare, startRelay, startUpstream } from './servers.ts'
import type { SteadyAnswer, SteadyInput } from './steady.ts'

const SIZES = { full: { rounds: 5, seconds: 20 }, quick: { rounds: 1, seconds: 1 } } as const
const PER_SECOND = 2_000
const TIMES_MAX = 3

export const latency: Case = {
  name: 'latency',
  async run(context) {
    const { rounds, seconds } = SIZES[context.scale]
    const upstream = await startUpstream()
    const folder = join(context.folder, 'latency')
    const commits: number[] = []
    const answers = await alternate(rounds, ['bare', 'relay'], async (side, round) => {
      mkdirSync(folder, { recursive: true })
      if (side === 'relay') commits.push(await commitMs(folder, seconds))
      const server = side === 'bare' ? await startBare() : await startRelay(folder, upstream.url)
      const input: SteadyInput = { url: server.url, perSecond: PER_SECOND, seconds }
      const answer = await measureInChild<SteadyAnswer>(new URL('./steady.ts', import.meta.url), input)
      await server.close()
      rmSync(folder, { recursive: true, force: true })
      if (answer.failed > 0) throw new Error(`${answer.failed} requests failed`)
      context.say(
        `latency, round ${round + 1} of ${rounds}, ${side}: p50 ${answer.p50Ms.toFixed(2)} ms, p99 ${answer.p99Ms.toFixed(2)} ms`,
      )
      return answer
    })
    await upstream.close()
    const bareMs = median(answers.bare.map(({ p99Ms }) => p99Ms))
    const relayMs = median(answers.relay.map(({ p99Ms }) => p99Ms))
    const commit = median(commits)
    const allowedMs = TIMES_MAX * bareMs + commit
    return [
      {
        what: `p99 of the answer at ${PER_SECOND.toLocaleString('en-US')} requests/s`,
        required: `at most ${TIMES_MAX} times the bare server's and one group commit`,
        measured: `${relayMs.toFixed(2)} ms (allowed ${allowedMs.toFixed(2)}: ${TIMES_MAX} x ${bareMs.toFixed(2)} + ${commit.toFixed(2)})`,
        holds: relayMs <= allowedMs,
        numbers: { relayMs, bareMs, commit, allowedMs },
      },
    ]
  },
}

/** The p99 of a durable append alone, at the same rate, on the same disk. */
async function commitMs(folder: string, seconds: number): Promise<number> {
  const input: CommitInput = { path: join(folder, 'commit.db'), perSecond: PER_SECOND, seconds: Math.min(5, seconds) }
  return (await measureInChild<CommitAnswer>(new URL('./commit.ts', import.meta.url), input)).p99Ms
}
