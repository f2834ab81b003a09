/** Which workspaces a command is about. */
import type { AdminClient } from '../admin/contract.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'

export interface WorkspaceOptions {
  readonly workspace?: string
  readonly all?: boolean
}

/** For looking: the named one, or all. */
export async function readFrom(client: AdminClient, { workspace }: WorkspaceOptions): Promise<readonly string[]> {
  return workspace === undefined
    ? (await client.about()).workspaces
    : [known(workspace, (await client.about()).workspaces)]
}

/** For acting: the named one, the only one, or all where that was said. */
export async function actOn(client: AdminClient, options: WorkspaceOptions): Promise<readonly string[]> {
  const { workspaces } = await client.about()
  if (options.workspace !== undefined) {
    if (options.all === true)
      throw new CliError(EXIT.usage, 'workspace-and-all', 'either --workspace or --all, not both')
    return [known(options.workspace, workspaces)]
  }
  if (workspaces.length === 1 || options.all === true) return workspaces
  throw new CliError(
    EXIT.unsafe,
    'needs-all',
    `there are ${workspaces.length} workspaces (${workspaces.join(', ')}): say which with --workspace, or --all`,
  )
}

/** For what is about one: the named one, or the only one. */
export async function oneOf(client: AdminClient, { workspace }: WorkspaceOptions): Promise<string> {
  const { workspaces } = await client.about()
  if (workspace !== undefined) return known(workspace, workspaces)
  if (workspaces.length === 1) return workspaces[0]!
  throw new CliError(
    EXIT.usage,
    'needs-workspace',
    `there are ${workspaces.length} workspaces (${workspaces.join(', ')}): say which with --workspace`,
  )
}

function known(name: string, names: readonly string[]): string {
  if (names.includes(name)) return name
  throw new CliError(
    EXIT.usage,
    'unknown-workspace',
    `there is no workspace "${name}"; there is ${names.join(', ') || 'none'}`,
  )
}
