/** Lists of stored operations: the options that they share, and one operation for people. */
import { type Command, Option } from 'commander'

import { LIMIT_MAX, type QueueAsk, type ShownDead, type ShownOperation, type ShownWaiting } from '../admin/contract.ts'
import { wholeNumber } from './arguments.ts'
import { agoText } from './amounts.ts'
import { CliError } from './cli-error.ts'
import { type ConnectionOptions, operatorCommand } from './connection.ts'
import { EXIT } from './exit-codes.ts'
import { pairs } from './table.ts'
import type { WorkspaceOptions } from './workspace-choice.ts'

export interface ListOptions extends ConnectionOptions, WorkspaceOptions {
  readonly person?: string
  readonly id?: string
  readonly newest?: boolean
  readonly after?: string
  readonly limit: number
  readonly reveal?: boolean
}

const LIMIT = 50

export function withListOptions(command: Command): Command {
  return command
    .addOption(new Option('-w, --workspace <name>', 'of this one alone'))
    .addOption(new Option('--person <id>', 'of this person alone, as named in the call'))
    .addOption(new Option('--id <id>', 'this operation alone'))
    .addOption(new Option('--newest', 'the newest first'))
    .addOption(new Option('--after <position>', 'the page after; the end of a page names it'))
    .addOption(
      new Option('--limit <count>', 'of each workspace')
        .argParser(wholeNumber(1, LIMIT_MAX))
        .default(LIMIT, String(LIMIT)),
    )
    .addOption(revealOption())
}

export interface ShowOptions extends ConnectionOptions, WorkspaceOptions {
  readonly reveal?: boolean
}

/** `description` is of the one operation that is shown. */
export function showOneCommand(description: string): Command {
  return operatorCommand('show', description)
    .argument('<id>', 'of the operation')
    .addOption(new Option('-w, --workspace <name>', 'look here alone'))
    .addOption(revealOption())
}

function revealOption(): Option {
  return new Option('--reveal', 'show the values of attributes and data; the relay notes that you did')
}

export function askOf(options: ListOptions, workspaces: readonly string[]): QueueAsk {
  if (options.after !== undefined && workspaces.length !== 1) {
    throw new CliError(EXIT.usage, 'needs-workspace', '--after goes with --workspace')
  }
  return {
    ...(options.person === undefined ? {} : { person: options.person }),
    ...(options.id === undefined ? {} : { id: options.id }),
    ...(options.after === undefined ? {} : { after: options.after }),
    order: options.newest === true ? 'newest-first' : 'oldest-first',
    limit: options.limit,
    reveal: options.reveal === true,
  }
}

/** One operation with its request; `extra` stands before it. */
export function operationText(
  workspace: string,
  operation: ShownWaiting | ShownDead,
  nowMs: number,
  extra: readonly (readonly [string, string])[],
): string {
  const { id, type, person, name, acceptedAtMs, attempts, request, masked, position } = operation
  const head = pairs([
    ['id', id],
    ['workspace', workspace],
    ['position', position],
    ['type', name === null ? type : `${type} "${name}"`],
    ['person', person ?? '-'],
    ['accepted', agoText(acceptedAtMs, nowMs)],
    ['attempts', String(attempts)],
    ...extra,
  ])
  if (request === null) return `${head}\n\nWhat is stored cannot be read any more.`
  const body = request.body === null ? '' : `\n${JSON.stringify(request.body, null, 2)}`
  return `${head}\n\n${request.method} ${request.path}${body}${masked ? '\n\nValues are hidden; --reveal shows them.' : ''}`
}

/** What follows a page that is not the last. */
export function moreText(workspace: string, after: string | null): string {
  return after === null ? '' : `\nMore: --workspace ${workspace} --after ${after}`
}

export function whatOf({ type, name }: ShownOperation): string {
  return name === null ? type : `${type} ${name}`
}

export function notFound(id: string, where: string): CliError {
  return new CliError(EXIT.failed, 'not-found', `${where} has no operation ${id}`)
}
