/** A promise in the docs names the tests that hold it: the file, and the test's own sentence in it. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const guarantees = readFileSync(join(root, 'docs/guarantees.md'), 'utf8')

const PROMISES = [
  'durable',
  'once in effect',
  'in order',
  'nothing stale',
  'never lost silently',
  'bounded',
  'isolated',
  'answered',
  'one event',
  'order with what is stored',
  'one limit for all',
  'ended cleanly',
  'nothing sent late',
  'one rate for all of them',
  'own evidence wins',
  'paused for all',
  'back by itself',
  'with your transaction',
  'stored when answered',
  'order of a connection',
  'a retry is no second call',
  'stopped without a reset',
  'ready means can store',
  'bounded at the door',
]

test('every promise of the guarantees names at least one test, and every test named there exists', () => {
  for (const promise of PROMISES) {
    const row = guarantees.split('\n').find((line) => line.startsWith(`| ${promise} |`))
    assert.ok(row, `${promise} has no row`)
    const named = [...row.matchAll(/`(test\/[^`]+\.ts)`: ([^;|]+)/g)]
    assert.ok(named.length > 0, `${promise} names no test`)
    for (const [, file, sentence] of named) {
      assert.ok(existsSync(join(root, file!)), `${promise} names ${file}, which is not there`)
      const text = readFileSync(join(root, file!), 'utf8')
      assert.ok(text.includes(sentence!.trim()), `${file} has no test "${sentence!.trim()}"`)
    }
  }
})

/** Pages that end with a table of promises, and how many tests each names at least. */
const HELD = [
  ['docs/relay.md', 15],
  ['docs/choosing-an-outbox.md', 8],
  ['docs/scaling.md', 4],
] as const

for (const [page, least] of HELD) {
  test(`every test that ${page} names exists`, () => {
    const named = [...readFileSync(join(root, page), 'utf8').matchAll(/`(test\/[^`]+\.ts)`: ([^;|]+)/g)]
    assert.ok(named.length >= least, `${named.length} tests are named`)
    for (const [, file, sentence] of named) {
      const text = readFileSync(join(root, file!), 'utf8')
      assert.ok(text.includes(sentence!.trim()), `${file} has no test "${sentence!.trim()}"`)
    }
  })
}

test('the README and the documents link only to files that exist', () => {
  const pages = readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)
  for (const page of ['README.md', 'CONTRIBUTING.md', 'bench/README.md', ...pages]) {
    const text = readFileSync(join(root, page), 'utf8')
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      assert.ok(existsSync(join(root, page, '..', target!)), `${page} links to ${target}`)
    }
  }
})
