import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { createLogger } from '../../src/logs/logger.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { logOutput } from '../../src/service/log-output.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

type Done = (error: NodeJS.ErrnoException | null, written: number) => void

test('lines go to a file descriptor in their order, and are there after a flush', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-log-'))
  const path = join(folder, 'log')
  const fd = openSync(path, 'w')
  try {
    const { clock } = systemRuntime
    const logger = createLogger({ level: 'info', destination: logOutput({ clock, fd }), clock })
    for (let line = 0; line < 1_000; line++) logger.log({ event: 'resumed', message: `line ${line}` })
    await logger.flush(60_000)
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
      Array.from({ length: 1_000 }, (_, line) => `line ${line}`),
    )
    assert.equal(logger.lost, 0)
    await logger.flush(60_000)
  } finally {
    closeSync(fd)
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a full disk loses lines, counts each of them, and neither throws nor ends the process', async () => {
  const fd = openSync('/dev/full', 'w')
  try {
    const { clock } = systemRuntime
    const logger = createLogger({ level: 'info', destination: logOutput({ clock, fd }), clock })
    for (let line = 0; line < 3; line++) logger.log({ event: 'resumed', message: 'goes on' })
    await logger.flush(60_000)
    assert.equal(logger.lost, 3)
  } finally {
    closeSync(fd)
  }
})

test('a reader who stands still keeps nobody waiting: lines beyond the bound are lost, and a flush ends in its time', async () => {
  const clock = new VirtualClock()
  const pending: { bytes: Buffer; done: Done }[] = []
  const output = logOutput({ clock, write: (_fd, bytes, done) => void pending.push({ bytes, done }) })
  const line = `${'x'.repeat(1_023)}\n`
  for (let count = 0; count < 2_000; count++) output.write(line)
  assert.equal(pending.length, 1)
  assert.equal(output.lost, 2_000 - 1 - 1_024)
  const flushed = output.flush(1_000)
  await clock.advance(1_000)
  await flushed
  assert.equal(clock.pending, 0)
  // It reads again: everything that was kept goes out.
  while (pending.length > 0) {
    const { bytes, done } = pending.shift()!
    done(null, bytes.length)
  }
  const before = output.lost
  output.write(line)
  pending.shift()!.done(null, 1_024)
  await output.flush(0)
  assert.equal(output.lost, before)
})

test('half a write goes on with the other half, a busy reader is tried again, a broken one loses its piece', async () => {
  const clock = new VirtualClock()
  const pending: { bytes: Buffer; done: Done }[] = []
  const output = logOutput({ clock, write: (_fd, bytes, done) => void pending.push({ bytes, done }) })
  output.write('abcdef\n')
  pending.shift()!.done(null, 3)
  assert.equal(pending[0]!.bytes.toString(), 'def\n')
  pending.shift()!.done(Object.assign(new Error('busy'), { code: 'EAGAIN' }), 0)
  assert.equal(pending.length, 0)
  await clock.advance(100)
  assert.equal(pending[0]!.bytes.toString(), 'def\n')
  output.write('g\n')
  output.write('h\n')
  pending.shift()!.done(Object.assign(new Error('gone'), { code: 'EPIPE' }), 0)
  assert.equal(output.lost, 1)
  assert.equal(pending[0]!.bytes.toString(), 'g\nh\n')
  pending.shift()!.done(Object.assign(new Error('gone'), { code: 'EPIPE' }), 0)
  assert.equal(output.lost, 3)
})
