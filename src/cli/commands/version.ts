import { Command } from 'commander'

import type { Io } from '../io.ts'
import { type GlobalOptions, report } from '../report.ts'
import { packageVersion } from '../version.ts'

export function versionCommand(io: Io): Command {
  return new Command('version')
    .description('print the versions of holdfast and of Node')
    .action((_options, command: Command) => {
      const versions = { holdfast: packageVersion(), node: process.versions.node }
      report(io, command.optsWithGlobals<GlobalOptions>(), versions, () => `holdfast ${versions.holdfast}`)
    })
}
