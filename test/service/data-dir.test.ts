import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { enterDataDir } from '../../src/service/data-dir.ts'

function inFolder(run: (folder: string) => void): () => void {
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-data-dir-'))
    try {
      run(join(folder, 'a', 'data'))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

test(
  'a folder that is missing is made for its owner alone, and the note in it is taken away at the end',
  inFolder((folder) => {
    const dataDir = enterDataDir(folder, 7)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    assert.equal(dataDir.otherPid, null)
    dataDir.settle()
    assert.ok(existsSync(join(folder, 'relay.pid')))
    dataDir.leave()
    assert.ok(!existsSync(join(folder, 'relay.pid')))
    dataDir.leave()
  }),
)

test(
  'a living process of this machine that is there is named; the newest note stays when the older one leaves',
  inFolder((folder) => {
    const first = enterDataDir(folder, process.pid)
    first.settle()
    const second = enterDataDir(folder, process.pid + 1)
    assert.equal(second.otherPid, process.pid)
    // One that does not start leaves the note of the other alone.
    second.leave()
    assert.equal(enterDataDir(folder, process.pid + 2).otherPid, process.pid)
    second.settle()
    first.leave()
    assert.match(readFileSync(join(folder, 'relay.pid'), 'utf8'), new RegExp(`"pid":${process.pid + 1}`))
  }),
)

test(
  'a process that is dead, of another machine, the same one again, or a note that is none is nobody',
  inFolder((folder) => {
    enterDataDir(folder, process.pid).settle()
    assert.equal(enterDataDir(folder, process.pid).otherPid, null)
    const notes = [
      JSON.stringify({ pid: 2_147_483_646, host: hostname() }),
      JSON.stringify({ pid: process.pid, host: `not-${hostname()}` }),
      JSON.stringify({ pid: -1, host: hostname() }),
      'null',
      '{',
      '',
    ]
    for (const note of notes) {
      writeFileSync(join(folder, 'relay.pid'), note)
      assert.equal(enterDataDir(folder, 7).otherPid, null, note)
    }
  }),
)
