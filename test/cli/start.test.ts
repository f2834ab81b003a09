/** The program as it is started: what an unfit Node is told, and the version. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { packageVersion } from '../../src/cli/version.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

function start(args: readonly string[], nodeVersion?: string): { status: number | null; out: string; err: string } {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '${nodeVersion}' })`
  const flags = nodeVersion === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, MAIN, ...args], { encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

test('a Node that is too old is told so in one line, and nothing else is loaded', () => {
  for (const version of ['20.20.2', '22.17.1']) {
    assert.deepEqual(start(['relay'], version), {
      status: 1,
      out: '',
      err: `holdfast: needs Node 22.18 or later; this is ${version}\n`,
    })
  }
  assert.equal(start(['--version'], '22.18.0').status, 0)
})

test('--version and -V print the version', () => {
  for (const flag of ['--version', '-V']) {
    const { status, out } = start([flag])
    assert.deepEqual({ status, out }, { status: 0, out: `holdfast ${packageVersion()}\n` })
  }
})
