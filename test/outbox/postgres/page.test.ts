import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = new URL('../../../', import.meta.url)
const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, root)), 'utf8')

test('every test that the page of the Postgres outbox names exists', () => {
  const named = [...read('docs/postgres.md').matchAll(/`(test\/[^`]+\.ts)`: ([^;|]+)/g)]
  assert.ok(named.length > 10, `${named.length} tests are named`)
  for (const [, file, sentence] of named) {
    assert.ok(read(file!).includes(sentence!.trim()), `${file} has no test "${sentence!.trim()}"`)
  }
})
