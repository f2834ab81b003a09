/** A relay's surroundings: a folder, a simulator on a socket, a caller. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createSimulator, type Simulator } from '../../src/simulator/index.ts'
import { type Use, using } from '../using.ts'
import { type RelayInput, type RelayProcess, startRelay } from './relay-process.ts'
import { TrackCaller } from './track-caller.ts'

export interface Scene {
  readonly folder: string
  readonly use: Use
  readonly simulator: Simulator
  readonly baseUrl: string
  readonly caller: TrackCaller
  readonly start: (input?: Partial<RelayInput>) => RelayProcess
}

export function scene(run: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-relay-'))
    const caller = new TrackCaller()
    try {
      await using(async (use) => {
        const simulator = createSimulator({ siteId: 'site', apiKey: 'secret-key' })
        const { url } = use(await simulator.listen())
        const start = (input: Partial<RelayInput> = {}): RelayProcess =>
          use(startRelay({ dataDir: join(folder, 'data'), baseUrl: url, ...input }))
        await run({ folder, use, simulator, baseUrl: url, caller, start })
      })()
    } finally {
      caller.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

export async function asked(url: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const answer = await fetch(url)
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}
