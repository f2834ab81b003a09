import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { checkToken, ensureToken, isToken, TOKEN_FILE } from '../../src/admin/token.ts'

test('a token is made once, for its owner alone', (t) => {
  const dataDir = join(mkdtempSync(join(tmpdir(), 'holdfast-token-')), 'new')
  t.after(() => rmSync(join(dataDir, '..'), { recursive: true }))
  const token = ensureToken(dataDir)
  const path = join(dataDir, TOKEN_FILE)
  assert.equal(readFileSync(path, 'utf8'), `${token}\n`)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.ok(token.length >= 40)
  chmodSync(path, 0o644)
  assert.equal(ensureToken(dataDir), token)
  assert.equal(statSync(path).mode & 0o777, 0o600, 'others may not read it any more')
  assert.deepEqual(readdirSync(dataDir), [TOKEN_FILE])
  writeFileSync(path, 'short\n')
  assert.throws(() => ensureToken(dataDir), { code: 'INVALID_OPTIONS', field: 'admin.token' })
})

test('a token is what a header can carry, and long enough', () => {
  for (const token of ['', 'short', 'has a space in it, so no', 'with-a-line\nbreak-in-it', 'ä'.repeat(20)]) {
    assert.throws(() => checkToken(token), { code: 'INVALID_OPTIONS' }, token)
  }
  checkToken('0123456789abcdef')
  assert.equal(isToken('0123456789abcdef', '0123456789abcdef'), true)
  for (const other of ['', '0123456789abcde', '0123456789abcdef0', '0123456789abcdeF']) {
    assert.equal(isToken(other, '0123456789abcdef'), false, other)
  }
})
