import { test } from 'node:test'

import * as fc from 'fast-check'

import { memoryOutbox } from '../../src/outbox/memory.ts'
import { openInlineSqliteOutbox } from '../../src/outbox/sqlite/inline.ts'
import { actions, limits, Pair, runsOf } from './model.ts'
import { temporaryFolder } from './sqlite/scene.ts'

test('any sequence of calls does on SQLite what it does on the model', async () => {
  await fc.assert(
    fc.asyncProperty(actions, async (sequence) => {
      const folder = temporaryFolder()
      const path = `${folder.path}/outbox.db`
      const options = { path, durability: 'os', reserveBytes: 0, ...limits } as const
      try {
        await new Pair(memoryOutbox(limits), () => openInlineSqliteOutbox(options)).play(sequence)
      } finally {
        folder.remove()
      }
    }),
    runsOf(60),
  )
})
