/** What can stand on a command line, taken from the program itself: a command that is added is completed too. */
import { type Argument, type Command, Help, type Option } from 'commander'

export interface CommandWords {
  /** Names from the program's down to this one's, without the program: `config print`; empty for the program. */
  readonly path: string
  readonly description: string
  readonly subcommands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly OptionWords[]
  readonly arguments: readonly Values[]
}

export interface OptionWords {
  /** `--json`, and `-j` where there is one. */
  readonly names: readonly string[]
  readonly description: string
  /** `null`: none follows it. */
  readonly value: Values | null
}

/** What a value can be: one of these words, a file, or anything. */
export type Values = { readonly words: readonly string[] } | 'file' | 'any'

/** The program and every command below it. Options of the program can stand behind every command. */
export function wordsOf(program: Command): readonly CommandWords[] {
  const shared = optionsOf(program).filter(({ names }) => !names.includes('--version'))
  return below(program, '', []).map((command) =>
    command.path === '' ? command : { ...command, options: uniqueOptions([...command.options, ...shared]) },
  )
}

function below(command: Command, path: string, found: CommandWords[]): CommandWords[] {
  const subcommands = new Help().visibleCommands(command).filter((child) => child.name() !== '')
  found.push({
    path,
    description: command.description(),
    subcommands: subcommands.map((child) => ({ name: child.name(), description: child.description() })),
    options: optionsOf(command),
    arguments: command.registeredArguments.map(valuesOf),
  })
  for (const child of subcommands) below(child, path === '' ? child.name() : `${path} ${child.name()}`, found)
  return found
}

function optionsOf(command: Command): OptionWords[] {
  return new Help().visibleOptions(command).map((option) => ({
    names: [option.long, option.short].filter((name) => name !== undefined && name !== null),
    description: firstSentence(option.description),
    value: option.required ? valuesOf(option) : null,
  }))
}

function uniqueOptions(options: readonly OptionWords[]): OptionWords[] {
  return options.filter(({ names }, index) => options.findIndex((other) => other.names[0] === names[0]) === index)
}

function valuesOf(taker: Option | Argument): Values {
  if (taker.argChoices !== undefined) return { words: taker.argChoices }
  const name = 'flags' in taker ? taker.flags : taker.name()
  return /file|dir|folder|path/i.test(name) ? 'file' : 'any'
}

function firstSentence(text: string): string {
  return text.replace(/^(.*?)[.;]\s.*$/s, '$1')
}
