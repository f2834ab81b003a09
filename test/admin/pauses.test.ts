import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { endPause, keepPause, readPause } from '../../src/admin/pauses.ts'

test('a pause is there until it is ended, whatever is in its file', (t) => {
  const dataDir = join(mkdtempSync(join(tmpdir(), 'holdfast-pause-')), 'made')
  t.after(() => rmSync(join(dataDir, '..'), { recursive: true }))
  assert.equal(readPause(dataDir, 'shop'), undefined)
  keepPause(dataDir, 'shop', { who: 'admin', why: null, atMs: 7 })
  assert.deepEqual(readPause(dataDir, 'shop'), { who: 'admin', why: null, atMs: 7 })
  for (const text of ['', '{"who":', '[]', 'null', '{"who":7,"atMs":"x"}']) {
    writeFileSync(join(dataDir, 'shop.paused'), text)
    assert.deepEqual(readPause(dataDir, 'shop'), { who: 'unknown', why: null, atMs: 0 }, text)
  }
  endPause(dataDir, 'shop')
  endPause(dataDir, 'shop')
  assert.deepEqual(readdirSync(dataDir), [])
})

test('a name of a workspace cannot lead out of the folder', () => {
  for (const name of ['../shop', 'a/b', 'a\\b', '..', '.hidden', 'a\0b', '']) {
    assert.throws(() => readPause('data', name), { code: 'INVALID_OPTIONS', field: 'workspace' }, name)
  }
})
