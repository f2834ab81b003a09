// Makes a fresh machine ready: needs only Node 20 and npm. `node scripts/setup.mjs [-- program args...]` installs what
// the lockfile names when node_modules is stale, then runs the program under the Node of the development dependencies.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
const node = join(bin, process.platform === 'win32' ? 'node.exe' : 'node')
const stamp = join(root, 'node_modules', '.holdfast-setup')

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function run(command, args, cwd) {
  // Also where the script was started with `npm run --silent`: its messages are wanted when it fails.
  const env = { ...process.env, npm_config_loglevel: 'error' }
  const result = spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  return result.status === 0
}

function runs(file) {
  return existsSync(file) && spawnSync(file, ['-v'], { stdio: 'ignore' }).status === 0
}

function install() {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockHash() && runs(node)) return
  console.error('setup: installing the development dependencies (once)')
  if (!run('npm', ['ci', '--no-audit', '--no-fund'], root)) fail('npm ci did not succeed; its messages are above')
  // A client that holds back install scripts leaves the Node package without its program.
  if (!runs(node) && !run(process.execPath, ['installArchSpecificPackage'], join(root, 'node_modules', 'node'))) {
    fail('the Node that the tests need could not be installed')
  }
  if (!runs(node)) fail(`there is no working Node at ${node}`)
  writeFileSync(stamp, lockHash())
}

function fail(message) {
  console.error(`setup: ${message}`)
  process.exit(1)
}

install()

const marker = process.argv.indexOf('--')
if (marker !== -1) {
  const child = spawn(node, process.argv.slice(marker + 1), {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
  })
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.on('SIGINT', () => {
    // Ctrl-C in a terminal reaches the program too, and a second one would tell it to hurry.
    if (![process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)) child.kill('SIGINT')
  })
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
}
