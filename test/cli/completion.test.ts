import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

import { Command } from 'commander'

import { completionScript } from '../../src/cli/completion/script.ts'
import { wordsOf, type CommandWords } from '../../src/cli/completion/words.ts'

/** A program that has one of each: nested commands, choices, files, quotes. */
function program(): Command {
  const inner = new Command('print').description("print what isn't hidden").option('--origins', 'say where from; more')
  inner.option('--out-file <file>', 'where to')
  const level = inner.createOption('--level <word>', 'how much')
  level.argChoices = ['info', 'warn']
  inner.addOption(level)
  const shell = new Command('shell').description('choose')
  shell.addArgument(shell.createArgument('<shell>').choices(['bash', 'zsh']))
  const hidden = new Command('secret').description('not shown')
  return new Command('holdfast')
    .option('--json', 'answer in JSON')
    .addCommand(new Command('config').description('look').addCommand(inner))
    .addCommand(shell)
    .addCommand(hidden, { hidden: true })
}

function complete(commands: readonly CommandWords[], ...line: string[]): string[] {
  const script = `${completionScript('bash', commands)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script, 'bash', 'holdfast', ...line], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  assert.equal(status, 0)
  return stdout.split('\n').filter((word) => word !== '')
}

test('bash completes commands, options and their values', () => {
  const words = wordsOf(program())
  assert.deepEqual(complete(words, 'co'), ['config'])
  assert.deepEqual(complete(words, ''), ['config', 'shell', 'help', '--json', '--help', '-h'])
  assert.deepEqual(complete(words, 'config', 'p'), ['print'])
  assert.deepEqual(complete(words, 'config', 'print', '--o'), ['--origins', '--out-file'])
  assert.deepEqual(complete(words, 'config', 'print', '--level', ''), ['info', 'warn'])
  assert.deepEqual(complete(words, 'config', 'print', '--level', 'w'), ['warn'])
  assert.deepEqual(complete(words, 'config', 'print', '--out-file', 'package.j'), ['package.json'])
  assert.deepEqual(complete(words, 'shell', 'z'), ['zsh'])
  assert.deepEqual(complete(words, 'config', 'print', '--js'), ['--json'])
  assert.deepEqual(complete(words, 'sec'), [])
})

test('every shell is told every command and option', () => {
  const words = wordsOf(program())
  const fish = completionScript('fish', words)
  assert.match(
    fish,
    /-n '__fish_seen_subcommand_from config; and not __fish_seen_subcommand_from print help' -a print -d 'print what isn\\'t hidden'/,
  )
  assert.match(fish, /-l origins -d 'say where from'/)
  assert.match(fish, /-l level -x -a 'info warn'/)
  assert.match(fish, /-l out-file -r -F/)
  const zsh = completionScript('zsh', words)
  assert.match(zsh, /^#compdef holdfast\n/)
  assert.match(zsh, /'config print'\) names=\('--origins:say where from'/)
  assert.match(zsh, /'config print:--level'\) compadd -- 'info' 'warn'; return ;;/)
  assert.match(zsh, /'print:print what isn'\\''t hidden'/)
  for (const script of [fish, zsh]) assert.ok(!script.includes('secret'))
})
