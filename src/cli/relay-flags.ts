/** The flags of a relay's settings, for every command that reads its configuration. */
import { type Command, Option } from 'commander'

import { type Flags, settingRows, type SettingRow } from '../config/index.ts'

/** Adds a flag for each setting that has one: `--listen-port <whole>`. */
export function addRelayFlags(command: Command): Command {
  for (const row of settingRows) {
    if (row.flag === null || row.env === null) continue
    command.addOption(optionOf(row, row.flag, row.env))
  }
  return command
}

/** What the command line says of them, for `loadConfig`. */
export function relayFlags(command: Command): Flags {
  const values = command.opts<Record<string, unknown>>()
  const given: Record<string, unknown> = {}
  for (const { attribute } of settingRows) {
    if (attribute !== null && values[attribute] !== undefined) given[attribute] = values[attribute]
  }
  return given
}

function optionOf(row: SettingRow, flag: string, env: string): Option {
  const { kind, scope } = row
  const value = kind === 'boolean' ? '[true|false]' : `<${VALUES[kind] ?? kind}>`
  const option = new Option(`${flag} ${value}`, `${describeRow(row)} (${env})`).helpGroup(HEADINGS[scope])
  return kind === 'boolean' ? option.preset(true) : option
}

function describeRow({ description, kind, setting, default: initial }: SettingRow): string {
  const choices = kind === 'choice' ? ` ${setting.choices.join(', ')}.` : ''
  const fallback = initial === null || initial === undefined ? '' : ` Default: ${String(initial)}.`
  return `${description}${choices}${fallback}`
}

const VALUES: Readonly<Partial<Record<SettingRow['kind'], string>>> = {
  path: 'file',
  whole: 'number',
  ages: 'duration',
  choice: 'word',
}

const HEADINGS: Readonly<Record<SettingRow['scope'], string>> = {
  relay: 'Relay:',
  only: 'The only workspace:',
  defaults: 'Every workspace:',
  workspace: 'One workspace:',
}
