/** Which changes of the dead letters are written, and how many may wait. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  DeadMirror,
  type DeadQueue,
  failedReason,
  type MirroredDead,
  MIRRORED_MAX,
} from '../../../src/outbox/bullmq/dead-mirror.ts'

const letter = (id: string): MirroredDead => ({ id, type: 'track', reason: 'rejected', status: 400, atMs: 1 })

class Shown implements DeadQueue {
  readonly ids = new Set<string>()
  readonly calls: string[] = []
  busy: readonly string[] = []
  broken = false

  async show(dead: readonly MirroredDead[]): Promise<void> {
    if (this.broken) throw new Error('away')
    this.calls.push(`show ${dead.map(({ id }) => id).join()}`)
    for (const { id } of dead) this.ids.add(id)
  }

  async hide(ids: readonly string[]): Promise<readonly string[]> {
    if (this.broken) throw new Error('away')
    this.calls.push(`hide ${ids.join()}`)
    for (const id of ids) if (!this.busy.includes(id)) this.ids.delete(id)
    return ids.filter((id) => this.busy.includes(id))
  }
}

async function writeAll(mirror: DeadMirror): Promise<void> {
  while (mirror.hasChanges) await mirror.write()
}

test('what is shown already is not written again, unless the queue has lost it', async () => {
  const shown = new Shown()
  const mirror = new DeadMirror(shown)
  mirror.mirror([letter('a'), letter('b')])
  await writeAll(mirror)
  mirror.mirror([letter('a'), letter('b'), letter('c')])
  await writeAll(mirror)
  assert.deepEqual(shown.calls, ['show a,b', 'show c'])
  mirror.forget()
  mirror.mirror([letter('a')])
  await writeAll(mirror)
  assert.equal(shown.calls.at(-1), 'show a')
})

test('the last word about a letter counts', async () => {
  const shown = new Shown()
  const mirror = new DeadMirror(shown)
  mirror.mirror([letter('a'), letter('b')])
  mirror.unmirror(['a'])
  mirror.mirror([letter('a')])
  mirror.unmirror(['b'])
  await writeAll(mirror)
  assert.deepEqual([...shown.ids], ['a'])
  mirror.unmirror(['a'])
  mirror.mirror([letter('a')])
  await writeAll(mirror)
  assert.deepEqual([...shown.ids], ['a'])
})

test('what the queue cannot take stays until it can', async () => {
  const shown = new Shown()
  const mirror = new DeadMirror(shown)
  shown.broken = true
  mirror.mirror([letter('a')])
  await assert.rejects(mirror.write(), /away/)
  assert.equal(mirror.hasChanges, true)
  shown.broken = false
  await writeAll(mirror)
  assert.deepEqual([...shown.ids], ['a'])
})

test('a letter that cannot be taken away just now is tried again, a few times', async () => {
  const shown = new Shown()
  const mirror = new DeadMirror(shown)
  mirror.mirror([letter('a'), letter('b')])
  await writeAll(mirror)
  shown.busy = ['a', 'b']
  mirror.unmirror(['a', 'b'])
  await mirror.write()
  shown.busy = ['b']
  await writeAll(mirror)
  assert.deepEqual([...shown.ids], ['b'])
  assert.equal(shown.calls.filter((call) => call.startsWith('hide')).length, 6)
})

test('the newest count where there are more than may wait', async () => {
  const shown = new Shown()
  const mirror = new DeadMirror(shown)
  mirror.mirror(Array.from({ length: MIRRORED_MAX + 5 }, (_, index) => letter(`a${index}`)))
  mirror.mirror([letter('b')])
  await writeAll(mirror)
  assert.equal(shown.ids.size, MIRRORED_MAX)
  assert.equal(shown.ids.has('a5'), false)
  assert.equal(shown.ids.has('a6'), true)
  assert.equal(shown.ids.has('b'), true)
})

test('the reason is in few words', () => {
  assert.equal(failedReason(letter('a')), 'rejected · 400')
  assert.equal(failedReason({ ...letter('a'), field: 'name' }), 'rejected · 400 · name')
  assert.equal(failedReason({ id: 'a', type: 'track', reason: 'expired', atMs: 1 }), 'expired')
})
