/** Real limits of a real file system, in a mount namespace of its own: nothing of it outlives the test. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./disk-child.ts', import.meta.url))

/** Runs a case of the child on a file system of `megabytes`, under a shell that may be told more before. */
function onSmallDisk(name: string, megabytes: number, before = ':'): void {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
  try {
    const script = `mount -t tmpfs -o size=${megabytes}m none "$1" && ${before} && exec "$2" "$3" "$4" "$1"`
    // Who is not root is root in a namespace of users of its own.
    const namespace = process.getuid?.() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
    const args = [...namespace, 'bash', '-c', script, 'bash', folder, process.execPath, program, name]
    const { status, stderr, signal } = spawnSync('unshare', args, { encoding: 'utf8', timeout: 60_000 })
    assert.equal(status, 0, `${name} ended with ${status ?? signal}: ${stderr}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('on a full disk appends are refused, all else works, nothing is lost, and appends go on when room returns', () =>
  onSmallDisk('full', 24))

test('an outbox that finds the disk full when it is opened delivers what it has', () => onSmallDisk('fullAtOpening', 8))

test('what cannot be written is refused as read-only when it is opened, and is fine afterwards', () =>
  onSmallDisk('readOnly', 8))

test('where no file can grow any more appends fail, what was acknowledged is delivered once, and appends go on', () =>
  onSmallDisk('limitedFiles', 24, 'ulimit -f 2000'))
