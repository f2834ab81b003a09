import { Command } from 'commander'

import type { Io } from '../io.ts'
import { deadExportCommand } from './export.ts'
import { deadDropCommand, deadReplayCommand } from './dead-resolve.ts'
import { deadGroupsCommand, deadListCommand, deadShowCommand } from './dead-look.ts'

export function deadCommand(io: Io): Command {
  return new Command('dead')
    .description('dead letters: what was given up, why, and what to do with it')
    .addCommand(deadListCommand(io))
    .addCommand(deadGroupsCommand(io))
    .addCommand(deadShowCommand(io))
    .addCommand(deadReplayCommand(io))
    .addCommand(deadDropCommand(io))
    .addCommand(deadExportCommand(io))
}
