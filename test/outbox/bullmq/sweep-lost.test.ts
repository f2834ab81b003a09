/** The sweep comes back when its plan is lost, and when the process that has it in hand dies. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { startProcess } from '../../servers/process.ts'
import { until } from '../../until.ts'
import { NAME, openPlane, PREFIX } from './plane-scene.ts'
import { fastClock, scene } from './scene.ts'

test(
  'a sweep whose job was lost is planned anew',
  scene(async ({ use, redis, link: openOn }) => {
    const server = await redis()
    const link = await openOn(server.url)
    const { heard } = await openPlane(use, server.url, { clock: fastClock })
    await until(() => heard.sweeps > 0)
    await until(async () => Number(await link.command('del', [`${PREFIX}:${NAME}:delayed`])) === 1)
    const { sweeps } = heard
    await until(() => heard.sweeps > sweeps + 1)
    assert.deepEqual(heard.failures, [])
  }),
)

test(
  'a process that dies with the sweep in hand stops it for a while only',
  scene(async ({ use, redis }) => {
    const server = await redis()
    const child = startProcess({
      command: process.execPath,
      args: [fileURLToPath(new URL('sweep-child.ts', import.meta.url)), server.url],
    })
    use({ [Symbol.asyncDispose]: () => child.signal('SIGKILL') })
    await until(() => child.output().includes('sweeping'))
    await child.signal('SIGKILL')
    const { heard } = await openPlane(use, server.url)
    await until(() => heard.sweeps > 1)
  }),
)
