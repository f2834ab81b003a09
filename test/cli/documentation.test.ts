/** docs/cli.md names what the program has. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { EXIT } from '../../src/cli/exit-codes.ts'
import { runCli } from './fake-io.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/cli.md', import.meta.url)), 'utf8')

async function commandsOf(...path: readonly string[]): Promise<readonly string[]> {
  const { out } = await runCli([...path, '--help'])
  const [, list = ''] = out.split('\nCommands:\n')
  return [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name!).filter((name) => name !== 'help')
}

test('every command of the program has a section, and every section a command', async () => {
  const commands = await commandsOf()
  assert.ok(commands.length >= 17, `${commands.length} commands`)
  const sections = [...page.matchAll(/^## holdfast (\w+)$/gm)].map(([, name]) => name!)
  assert.deepEqual(sections.toSorted(), commands.toSorted())
})

test('the sections of commands that have their own name each of those', async () => {
  for (const command of ['queue', 'dead', 'config']) {
    const [, section = ''] = new RegExp(`^## holdfast ${command}\\n([^]*?)(?=^## )`, 'm').exec(page) ?? []
    for (const name of await commandsOf(command))
      assert.ok(section.includes(`\`${command} ${name}`), `${command} ${name}`)
  }
})

test('the table of exit codes has each of them, and no other', () => {
  const rows = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number))
  assert.deepEqual(
    rows,
    Object.values(EXIT).toSorted((a, b) => a - b),
  )
})

test('every option that the page names exists', async () => {
  const helps = await Promise.all(
    [[], ...(await commandsOf()).map((name) => [name])].map(async (path) => {
      const own = await runCli([...path, '--help'])
      const below = path.length === 0 ? [] : await commandsOf(...path)
      const theirs = await Promise.all(below.map((name) => runCli([...path, name, '--help'])))
      return [own, ...theirs].map(({ out }) => out).join('')
    }),
  )
  const known = new Set(helps.join('').match(/--[a-z][a-z-]+/g))
  // Of another option's help: it turns the same setting off.
  known.add('--no-json')
  for (const named of page.match(/(?<![\w-])--[a-z][a-z-]+/g) ?? []) assert.ok(known.has(named), named)
})
