import { Argument, Command } from 'commander'

import { completionScript, SHELLS, type Shell } from '../completion/script.ts'
import { wordsOf } from '../completion/words.ts'
import type { Io } from '../io.ts'

export function completionCommand(io: Io): Command {
  return new Command('completion')
    .description('print a script that lets a shell complete commands and options')
    .addArgument(new Argument('<shell>', 'which').choices(SHELLS))
    .addHelpText(
      'after',
      [
        '',
        'bash:  holdfast completion bash > ~/.local/share/bash-completion/completions/holdfast',
        'zsh:   holdfast completion zsh > "${fpath[1]}/_holdfast"',
        'fish:  holdfast completion fish > ~/.config/fish/completions/holdfast.fish',
      ].join('\n'),
    )
    .action((shell: Shell, _options: object, command: Command) => {
      io.stdout.write(completionScript(shell, wordsOf(rootOf(command))))
    })
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent)
}
