// Writes the tables of docs/configuration.md from the settings themselves.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { settingRows, type SettingRow } from '../src/config/index.ts'

const BEGIN = '<!-- settings: written by npm run docs:configuration -->'
const END = '<!-- end of settings -->'

export const page: string = fileURLToPath(new URL('../docs/configuration.md', import.meta.url))

/** The page with its tables as they must be. */
export function withSettings(text: string): string {
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`the page must hold ${BEGIN} and ${END}`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${tables()}\n${text.slice(end)}`
}

function tables(): string {
  const relay = settingRows.filter(({ scope }) => scope === 'relay')
  const workspace = settingRows.filter(({ scope }) => scope === 'workspace')
  return [
    '### The relay',
    '',
    ...table(relay),
    '',
    '### A workspace',
    '',
    'Under `workspaces.<name>`. What is no credential can also stand under `defaults`, for every workspace.',
    '',
    ...table(workspace),
    '',
  ].join('\n')
}

function table(rows: readonly SettingRow[]): string[] {
  return [
    '| key | meaning | default | environment, flag | applied by reload |',
    '|---|---|---|---|---|',
    ...rows.map(
      (row) => `| ${[`\`${keyOf(row)}\``, meaning(row), initial(row), names(row), change(row)].join(' | ')} |`,
    ),
  ]
}

function keyOf({ path }: SettingRow): string {
  return path.replace(/^workspaces\.<name>\./, '')
}

function meaning({ description, kind, setting, secretFile }: SettingRow): string {
  const allowed = secretFile || kind === 'path' ? '' : ` ${capital(setting.allowed)}.`
  return `${description}${allowed}`.replaceAll('|', '\\|')
}

function initial(row: SettingRow): string {
  if (row.default === undefined) return 'must be given'
  return row.default === null ? 'none' : `\`${row.default}\``
}

/** For a workspace: its own name, that for all workspaces, and that for the only one. */
function names(row: SettingRow): string {
  const key = keyOf(row)
  const others =
    row.scope !== 'workspace' ? [] : settingRows.filter(({ path }) => path === key || path === `defaults.${key}`)
  const all = [row, ...others.filter(({ scope }) => scope !== 'relay')]
  const texts = all.flatMap(({ env, flag }) => [env, flag]).filter((name) => name !== null)
  return texts.length === 0 ? 'in the file only' : texts.map((name) => `\`${name}\``).join('<br>')
}

function change({ setting }: SettingRow): string {
  return setting.change === 'reload' ? 'yes' : 'restart'
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, withSettings(readFileSync(page, 'utf8')))
