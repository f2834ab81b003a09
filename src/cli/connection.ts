/** How a command finds its relay: one that runs over its admin API, else the files of one that is stopped. */
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

import { Command, Option } from 'commander'

import { AdminError } from '../admin/admin-error.ts'
import { adminClient } from '../admin/client.ts'
import type { AdminClient } from '../admin/contract.ts'
import { openOffline, outboxesIn } from '../admin/offline.ts'
import { TOKEN_FILE } from '../admin/token.ts'
import { asCliError } from './admin-failure.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'
import type { GlobalOptions } from './report.ts'
import { packageVersion } from './version.ts'

export interface ConnectionOptions extends GlobalOptions {
  readonly url?: string
  readonly tokenFile?: string
  readonly dataDir?: string
  readonly offline?: boolean
}

const DEFAULT_PORT = '8485'
const DEFAULT_DATA_DIR = 'holdfast-data'

/** A command that speaks to a relay. */
export function relayCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(
      new Option(
        '--url <url>',
        `admin API of the relay (HOLDFAST_ADMIN_URL, else 127.0.0.1 with HOLDFAST_ADMIN_PORT or ${DEFAULT_PORT})`,
      ),
    )
    .addOption(
      new Option(
        '--token-file <file>',
        `file with its token (HOLDFAST_ADMIN_TOKEN, HOLDFAST_ADMIN_TOKEN_FILE, else ${TOKEN_FILE} in the data folder)`,
      ),
    )
    .addOption(new Option('--data-dir <dir>', `data folder of the relay (HOLDFAST_DATA_DIR, else ${DEFAULT_DATA_DIR})`))
    .addOption(new Option('--offline', 'look into the data folder, and ask no relay'))
}

/** Runs what a command does with its relay, gives the relay back, and says each failure in the program's own way. */
export async function withRelay(
  io: Io,
  options: ConnectionOptions,
  work: (client: AdminClient) => Promise<void>,
): Promise<void> {
  try {
    const client = await connect(io, options)
    try {
      await work(client)
    } finally {
      await client.close()
    }
  } catch (error) {
    throw asCliError(error)
  }
}

async function connect(io: Io, options: ConnectionOptions): Promise<AdminClient> {
  const dataDir = pathOf(io, options.dataDir ?? io.env['HOLDFAST_DATA_DIR'] ?? DEFAULT_DATA_DIR)
  if (options.offline === true) return offline(io, dataDir)
  const client = relayAt(io, options, dataDir)
  try {
    await client.about()
    return client
  } catch (error) {
    if (!(error instanceof AdminError) || error.code !== 'unreachable') throw error
    if (outboxesIn(dataDir).length > 0) {
      io.stderr.write(`holdfast: ${error.message}; this is from the files in ${dataDir}\n`)
      return offline(io, dataDir)
    }
    const hint = `Is a relay running? Its address is given by --url or HOLDFAST_ADMIN_URL; of a stopped one, --data-dir gives the files (there is no outbox in ${dataDir}).`
    throw new CliError(EXIT.unreachable, error.code, error.message, hint)
  }
}

/** The client of a relay that runs, whether it answers or not. */
function relayAt(io: Io, options: ConnectionOptions, dataDir: string): AdminClient {
  return adminClient({
    url:
      options.url ??
      io.env['HOLDFAST_ADMIN_URL'] ??
      `http://127.0.0.1:${io.env['HOLDFAST_ADMIN_PORT'] ?? DEFAULT_PORT}`,
    token: tokenOf(io, options, dataDir),
    fetch: io.runtime.fetch,
    clock: io.runtime.clock,
  })
}

function offline(io: Io, dataDir: string): AdminClient {
  return openOffline({ dataDir, version: packageVersion(), runtime: io.runtime })
}

function tokenOf(io: Io, options: ConnectionOptions, dataDir: string): string | undefined {
  const named = options.tokenFile ?? (io.env['HOLDFAST_ADMIN_TOKEN'] ? undefined : io.env['HOLDFAST_ADMIN_TOKEN_FILE'])
  if (named !== undefined) return readTokenFile(pathOf(io, named))
  const given = io.env['HOLDFAST_ADMIN_TOKEN']
  if (given !== undefined && given !== '') return given.trim()
  // Where there is none, the relay says whether it wants one.
  return readTokenFile(join(dataDir, TOKEN_FILE), true)
}

function readTokenFile(path: string, mayMiss: boolean = false): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (mayMiss && code === 'ENOENT') return undefined
    throw new CliError(
      EXIT.unauthenticated,
      'token-unreadable',
      `the token cannot be read from ${path} (${code})`,
      'Give another file with --token-file, or run this as the user that the relay runs as.',
    )
  }
}

function pathOf(io: Io, path: string): string {
  return isAbsolute(path) ? path : join(io.cwd, path)
}
