#!/usr/bin/env node
/**
 * The program `holdfast`. It imports nothing before it knows that this Node can: what an older one says of a module that it
 * does not have helps nobody.
 */
import { readFileSync } from 'node:fs'

const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
const { engines } = JSON.parse(text) as { readonly engines: { readonly node: string } }
const needed = engines.node.replace('>=', '')

if (isOlder(process.versions.node, needed)) {
  process.stderr.write(`holdfast: needs Node ${needed} or later; this is ${process.versions.node}\n`)
  process.exitCode = 1
} else {
  const { start } = await import('./start.ts')
  await start()
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin = 0, minorMin = 0] = than.split('.').map(Number)
  return major < majorMin || (major === majorMin && minor < minorMin)
}
