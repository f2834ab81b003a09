/** The crash test of CI: a process that is killed with -9 again and again while it stores and delivers. Exits with 1 when a promise is broken. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runWorld } from '../bench/crash/world.ts'
import { seededRandom } from '../src/testing/seeded-random.ts'

const KILLS = 8

const folder = mkdtempSync(join(tmpdir(), 'holdfast-crash-'))
try {
  const account = await runWorld({ folder, kills: KILLS, random: seededRandom(7), killed: () => {} })
  const holds = account.acknowledged > 0 && account.lost === 0 && account.disordered === 0 && account.strangers === 0
  console.log(
    `crash test: ${KILLS} kills, ${account.acknowledged} acknowledged, ${account.lost} lost, ${account.disordered} out of order, ` +
      `${account.duplicates} repeats, ${account.strangers} of them with another id or time`,
  )
  if (!holds) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
