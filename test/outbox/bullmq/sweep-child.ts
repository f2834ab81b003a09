/** A process whose sweep never ends; it is killed with it in hand. */
import { openControlPlane } from '../../../src/outbox/bullmq/control-plane.ts'
import { NAME, PREFIX } from './plane-scene.ts'
import { clock } from './scene.ts'

await openControlPlane({
  connection: process.argv[2]!,
  prefix: PREFIX,
  name: NAME,
  clock,
  woken: () => {},
  sweep: () => {
    process.stdout.write('sweeping\n')
    return new Promise(() => {})
  },
  pausedChanged: () => {},
  failed: (error) => process.stderr.write(`${String(error)}\n`),
})
