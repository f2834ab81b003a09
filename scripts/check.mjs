// Everything that CI checks besides the tests: types, lint, format, the build, the package's exports.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @type {readonly (readonly [string, string, readonly string[]])[]} */
const steps = [
  ['types', 'tsc', ['-p', '.']],
  ['lint', 'oxlint', ['--type-aware']],
  ['format', 'oxfmt', ['--check', '.']],
  ['build', 'tsc', ['-p', 'tsconfig.build.json']],
  ['exports', 'publint', ['--strict']],
  ['smoke', 'node', ['scripts/smoke.mjs']],
  ['types of exports', 'attw', ['--profile', 'esm-only', '--pack', '.']],
]

for (const [name, command, args] of steps) {
  console.log(`check: ${name}`)
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) {
    console.error(`check: ${name} failed`)
    process.exit(1)
  }
}
