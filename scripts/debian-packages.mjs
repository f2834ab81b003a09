// Installs the Debian packages that are missing, where it may: `node scripts/debian-packages.mjs redis-server ...`.
// Needs only Node 20. Ends with 1, and a sentence that says what to do, where it may not.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

// Installed means what dpkg says, or a program of that name from somewhere else.
function isThere(name) {
  const dpkg = spawnSync('dpkg-query', ['--show', '--showformat=${db:Status-Status}', name], { encoding: 'utf8' })
  return dpkg.stdout === 'installed' || spawnSync('which', [name], { stdio: 'ignore' }).status === 0
}

function install(names) {
  // A service that starts by itself would take a port and memory that nobody asked for.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const apt = (...args) => spawnSync('apt-get', args, { env, stdio: ['ignore', 2, 2] }).status === 0
  const wanted = ['install', '--yes', '--no-install-recommends', ...names]
  return apt(...wanted) || (apt('update') && apt(...wanted))
}

const missing = process.argv.slice(2).filter((name) => !isThere(name))
if (missing.length > 0) {
  const list = missing.join(' ')
  const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
  if (!mayInstall) {
    console.error(`setup: ${list} is needed and missing. Install it, for example: sudo apt-get install ${list}`)
    process.exit(1)
  }
  console.error(`setup: installing ${list} (once)`)
  if (!install(missing)) {
    console.error(`setup: apt-get could not install ${list}; its messages are above`)
    process.exit(1)
  }
}
