/** The configuration as a command sees it: from `--config`, the environment and the command's flags. */
import type { Command } from 'commander'

import { ConfigError, loadConfig, type LoadedConfig } from '../config/index.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'
import { relayFlags } from './relay-flags.ts'

/**
 * Says its warnings on stderr.
 *
 * @param file instead of `--config`
 * @throws ConfigError with every problem
 */
export function readConfig(io: Io, command: Command, file?: string): LoadedConfig {
  const named = file ?? configFileOf(io, command.optsWithGlobals<{ readonly config?: string }>())
  const loaded = loadConfig({ file: named, env: io.env, flags: relayFlags(command), cwd: io.cwd })
  for (const warning of loaded.warnings) io.stderr.write(`holdfast: warning: ${warning}\n`)
  return loaded
}

/** The file that is named, if one is. Compose files and manifests pass on what is not set as an empty text. */
export function configFileOf({ env }: Pick<Io, 'env'>, { config }: { readonly config?: string }): string | undefined {
  const named = config ?? env['HOLDFAST_CONFIG']
  return named === '' ? undefined : named
}

/** Ends the command with 78 where `run` meets a configuration that cannot be used. */
export function orConfigExit<Result>(run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new CliError(EXIT.config, error.code, error.message)
  }
}
