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
  const { kind, scope, setting, description, default: initial } = row
  const value = kind === 'boolean' ? '[true|false]' : `<${VALUES[kind] ?? kind}>`
  const fallback = initial === null || initial === undefined ? '' : ` Default: ${initial}.`
  const option = new Option(`${flag} ${value}`, `${description}${fallback} (${env})`).helpGroup(HEADINGS[scope])
  // For help and completion. They are checked with everything else, so that all problems are told at once.
  if (kind === 'choice') option.argChoices = [...setting.choices]
  return option
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
