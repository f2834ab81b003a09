/** Completion scripts. The words are in the script, so that a key press starts no process. */
import type { CommandWords, Values } from './words.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof SHELLS)[number]

export function completionScript(shell: Shell, commands: readonly CommandWords[]): string {
  return SCRIPTS[shell](commands)
}

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CommandWords[]) => string>> = { bash, zsh, fish }

/** Both find out which command is being written by walking over the words before the cursor. */
function walk(commands: readonly CommandWords[], word: string): string[] {
  const paths = commands.filter(({ path }) => path !== '').map(({ path }) => quote(path))
  return [
    `    case "\${command:+$command }${word}" in`,
    `      ${paths.join(' | ')}) command="\${command:+$command }${word}" ;;`,
    '    esac',
  ]
}

function bash(commands: readonly CommandWords[]): string {
  const lines = [
    '# holdfast: completion for bash',
    '_holdfast() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}" command="" word words="" index',
    '  COMPREPLY=()',
    '  for ((index = 1; index < COMP_CWORD; index++)); do',
    '    word="${COMP_WORDS[index]}"',
    ...walk(commands, '$word'),
    '  done',
    '  case "$command:$previous" in',
    ...valueCases(commands, (values) =>
      values === 'file'
        ? 'mapfile -t COMPREPLY < <(compgen -f -- "$current"); return'
        : values === 'any'
          ? 'return'
          : `mapfile -t COMPREPLY < <(compgen -W ${quote(values.words.join(' '))} -- "$current"); return`,
    ),
    '  esac',
    '  case "$command" in',
    ...commands.map((command) => `    ${quote(command.path)}) words=${quote(plainWords(command).join(' '))} ;;`),
    '  esac',
    '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
    ...fileCommands(
      commands,
      '  if [[ "$current" != -* ]]; then mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current"); fi',
    ),
    '}',
    'complete -o filenames -F _holdfast holdfast',
  ]
  return `${lines.join('\n')}\n`
}

function zsh(commands: readonly CommandWords[]): string {
  const lines = [
    '#compdef holdfast',
    '# holdfast: completion for zsh',
    '_holdfast() {',
    '  local command="" word index',
    '  local -a names',
    '  for ((index = 2; index < CURRENT; index++)); do',
    '    word="${words[index]}"',
    ...walk(commands, '$word'),
    '  done',
    '  case "$command:${words[CURRENT-1]}" in',
    ...valueCases(commands, (values) =>
      values === 'file'
        ? '_files; return'
        : values === 'any'
          ? 'return'
          : `compadd -- ${values.words.map(quote).join(' ')}; return`,
    ),
    '  esac',
    '  case "$command" in',
    ...commands.map(
      (command) =>
        `    ${quote(command.path)}) names=(${describedWords(command)
          .map(([name, text]) => quote(`${name}:${text}`))
          .join(' ')}) ;;`,
    ),
    '  esac',
    "  _describe -o 'holdfast' names",
    ...fileCommands(commands, '  if [[ "${words[CURRENT]}" != -* ]]; then _files; fi'),
    '}',
    'if [ "$funcstack[1]" = "_holdfast" ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi',
  ]
  return `${lines.join('\n')}\n`
}

function fish(commands: readonly CommandWords[]): string {
  const lines = ['# holdfast: completion for fish', 'complete -c holdfast -f']
  for (const { path, subcommands, options, arguments: taken } of commands) {
    const seen = path
      .split(' ')
      .filter((name) => name !== '')
      .map((name) => `__fish_seen_subcommand_from ${name}`)
    const names = subcommands.map(({ name }) => name).join(' ')
    const here = path === '' ? '__fish_use_subcommand' : seen.join('; and ')
    const condition = names === '' || path === '' ? here : `${here}; and not __fish_seen_subcommand_from ${names}`
    for (const { name, description } of subcommands) {
      lines.push(`complete -c holdfast -n ${fishQuote(condition)} -a ${name} -d ${fishQuote(description)}`)
    }
    for (const values of taken) lines.push(...fishValues(condition, values))
    for (const option of options) {
      const flags = option.names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
      const takes =
        option.value === null
          ? ''
          : option.value === 'file'
            ? ' -r -F'
            : option.value === 'any'
              ? ' -x'
              : ` -x -a ${fishQuote(option.value.words.join(' '))}`
      lines.push(
        `complete -c holdfast -n ${fishQuote(condition)} ${flags.join(' ')}${takes} -d ${fishQuote(option.description)}`,
      )
    }
  }
  return `${lines.join('\n')}\n`
}

function fishValues(condition: string, values: Values): string[] {
  if (values === 'any') return []
  if (values === 'file') return [`complete -c holdfast -n ${fishQuote(condition)} -F`]
  return [`complete -c holdfast -n ${fishQuote(condition)} -a ${fishQuote(values.words.join(' '))}`]
}

/** One line for each option that takes a value: what is offered after it. */
function valueCases(commands: readonly CommandWords[], offer: (values: Values) => string): string[] {
  return commands.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      value === null ? [] : [`    ${names.map((name) => quote(`${path}:${name}`)).join(' | ')}) ${offer(value)} ;;`],
    ),
  )
}

/** Commands with an argument that is a file offer files too. */
function fileCommands(commands: readonly CommandWords[], offer: string): string[] {
  const paths = commands.filter((command) => command.arguments.includes('file')).map(({ path }) => quote(path))
  return paths.length === 0 ? [] : ['  case "$command" in', `    ${paths.join(' | ')})`, offer, '    ;;', '  esac']
}

function plainWords(command: CommandWords): string[] {
  return describedWords(command).map(([name]) => name)
}

function describedWords({ subcommands, options, arguments: taken }: CommandWords): (readonly [string, string])[] {
  return [
    ...subcommands.map(({ name, description }) => [name, description] as const),
    ...taken.flatMap((values) => (typeof values === 'string' ? [] : values.words.map((word) => [word, ''] as const))),
    ...options.flatMap(({ names, description }) => names.map((name) => [name, description] as const)),
  ]
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function fishQuote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
