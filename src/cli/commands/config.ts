import { Argument, Command } from 'commander'

import {
  ConfigError,
  configJsonSchema,
  describeProblems,
  type ConfigProblem,
  printConfig,
  readTlsFiles,
  writtenConfig,
} from '../../config/index.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { orConfigExit, readConfig } from '../read-config.ts'
import { addRelayFlags } from '../relay-flags.ts'
import { type GlobalOptions, report } from '../report.ts'

export function configCommand(io: Io): Command {
  return new Command('config')
    .description("look at the relay's configuration")
    .addCommand(printCommand(io))
    .addCommand(checkCommand(io))
    .addCommand(schemaCommand(io))
}

function printCommand(io: Io): Command {
  const command = new Command('print')
    .description('print what a relay would run with: defaults, file, environment and flags joined; secrets are masked')
    .option('--origins', 'say of each value where it comes from')
    .action((options: { readonly origins?: boolean }, command: Command) => {
      const { config, origins } = orConfigExit(() => readConfig(io, command))
      const written = writtenConfig(config)
      const value = options.origins === true ? { config: written, origins } : written
      report(io, command.optsWithGlobals<GlobalOptions>(), value, () =>
        printConfig(config, options.origins === true ? origins : undefined),
      )
    })
  return addRelayFlags(command)
}

function checkCommand(io: Io): Command {
  const command = new Command('check')
    .description('check a configuration and the files that it names; ends with 78 where there are problems')
    .addArgument(new Argument('[file]', 'YAML or JSON; otherwise that of --config'))
    .action((file: string | undefined, _options: object, command: Command) => {
      const problems = problemsOf(io, command, file)
      const value = { ok: problems.length === 0, problems }
      report(io, command.optsWithGlobals<GlobalOptions>(), value, () =>
        problems.length === 0 ? 'the configuration is good' : describeProblems(problems),
      )
      if (problems.length > 0) io.exitWith(EXIT.config)
    })
  return addRelayFlags(command)
}

function problemsOf(io: Io, command: Command, file: string | undefined): readonly ConfigProblem[] {
  try {
    const { tls } = readConfig(io, command, file).config.listen
    const warnings = tls === null ? [] : readTlsFiles(tls, io.runtime.clock.wallMs()).warnings
    for (const warning of warnings) io.stderr.write(`holdfast: warning: ${warning}\n`)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

function schemaCommand(io: Io): Command {
  return new Command('schema')
    .description('print the JSON Schema of the configuration file, for editors')
    .action(() => io.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`))
}
