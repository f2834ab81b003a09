// Runs the tests on the oldest Node that the package supports (`engines` in package.json), which it installs beside the
// development dependencies.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const oldest = `${engines.node.replace('>=', '')}.0`
const folder = join(root, '.tmp', `node-${oldest}`)
const node = join(folder, 'node_modules', '.bin', 'node')

if (!existsSync(node)) {
  mkdirSync(folder, { recursive: true })
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, `node@${oldest}`]
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 2, 2] })
  if (status !== 0) {
    console.error(`test-oldest: Node ${oldest} could not be installed`)
    process.exit(1)
  }
}

console.log(`test-oldest: Node ${oldest}`)
// Most tests wait more than they compute.
const { status } = spawnSync(node, ['--test', '--test-concurrency=3', '--test-reporter=dot', 'test/**/*.test.ts'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
})
process.exit(status ?? 1)
