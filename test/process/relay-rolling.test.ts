/** Two relays behind callers that try again elsewhere: each is restarted in turn, as a StatefulSet does. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import type { RelayProcess } from './relay-process.ts'
import { until } from '../until.ts'
import { scene } from './relay-scene.ts'
import { codeOfFailure } from './track-caller.ts'

const TRIES_MAX = 8

test(
  'a rolling restart of two relays behind a retrying client fails no call and loses nothing',
  scene(async ({ folder, start, caller, simulator }) => {
    const relays = await Promise.all(
      [0, 1].map(async (index) => {
        const dataDir = join(folder, `relay-${index}`)
        const process = start({ dataDir })
        return { dataDir, process, url: (await process.ready()).url }
      }),
    )
    const failed: string[] = []
    const stored: string[] = []
    const over = new AbortController()
    const call = async (lane: number): Promise<void> => {
      for (let count = 0; !over.signal.aborted; count++) {
        const name = `e-${lane}-${count}`
        const problems: string[] = []
        for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
          const { url } = relays[(lane + attempt) % 2]!
          const status = await caller.track(url, `p-${lane}`, name).then(
            (answer) => answer.status,
            (error: unknown) => codeOfFailure(error),
          )
          if (status === 200) {
            stored.push(name)
            break
          }
          problems.push(String(status))
        }
        if (problems.length === TRIES_MAX) failed.push(problems.join(' '))
      }
    }
    const calls = [0, 1, 2, 3].map((lane) => call(lane))
    const served = async (atLeast: number): Promise<void> => {
      const from = stored.length
      await until(() => stored.length >= from + atLeast)
    }
    const processes: RelayProcess[] = []
    for (const relay of relays) {
      await served(50)
      processes.push(relay.process)
      relay.process.signal('SIGTERM')
      assert.equal((await relay.process.ended).code, 0)
      await served(50)
      relay.process = start({ dataDir: relay.dataDir })
      relay.url = (await relay.process.ready()).url
    }
    await served(50)
    over.abort()
    await Promise.all(calls)
    assert.deepEqual(failed, [])
    for (const process of processes) assert.equal(process.lines.at(-1)!['reset'], 0)
    await until(() => new Set(simulator.ledger.all().map(({ name }) => name)).size >= stored.length)
    const arrived = new Set(simulator.ledger.all().map(({ name }) => name))
    assert.deepEqual(
      stored.filter((name) => !arrived.has(name)),
      [],
    )
  }),
)
