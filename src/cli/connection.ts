/** How a command finds its relay: one that runs over its admin API, else what keeps the operations of one that is stopped. */
import { readFileSync } from 'node:fs'

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
import { DEFAULTS, type RelayFacts, relayFactsOf } from './relay-facts.ts'
import type { GlobalOptions } from './report.ts'
import { packageVersion } from './version.ts'

export interface ConnectionOptions extends GlobalOptions {
  readonly config?: string
  readonly url?: string
  readonly tokenFile?: string
  readonly dataDir?: string
  readonly offline?: boolean
}

/** A command that speaks to a relay. */
export function operatorCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(
      new Option(
        '--url <url>',
        `admin API of the relay (HOLDFAST_ADMIN_URL, else 127.0.0.1 with HOLDFAST_ADMIN_PORT, the port in --config, or ${DEFAULTS.adminPort})`,
      ),
    )
    .addOption(
      new Option(
        '--token-file <file>',
        `file with its token (HOLDFAST_ADMIN_TOKEN, HOLDFAST_ADMIN_TOKEN_FILE, that in --config, else ${TOKEN_FILE} in the data folder)`,
      ),
    )
    .addOption(
      new Option(
        '--data-dir <dir>',
        `data folder of the relay (HOLDFAST_DATA_DIR, that in --config, else ${DEFAULTS.dataDir})`,
      ),
    )
    .addOption(new Option('--offline', 'look into the data folder and the servers, and ask no relay'))
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
  const { dataDir: folder, url, tokenFile } = options
  const facts = relayFactsOf(io, options, { dataDir: folder, adminUrl: url, tokenFile })
  const { dataDir, adminUrl, stores } = facts
  if (options.offline === true) return offline(io, facts)
  if (adminUrl === null) {
    const message = 'the configuration gives no address of the admin API: it is off, or takes any free port'
    throw new CliError(EXIT.unreachable, 'url-unknown', message, 'Say where it is with --url, or look with --offline.')
  }
  const { clock, fetch } = io.runtime
  const client = adminClient({ url: adminUrl, token: tokenOf(facts), fetch, clock })
  try {
    await client.about()
    return client
  } catch (error) {
    if (!(error instanceof AdminError) || error.code !== 'unreachable') throw error
    const hasFiles = outboxesIn(dataDir).length > 0
    if (hasFiles || stores.length > 0) {
      io.stderr.write(`holdfast: ${error.message}; this is from ${sourcesOf(facts, hasFiles)}\n`)
      return offline(io, facts)
    }
    const hint = `Is a relay running? Its address is given by --url, HOLDFAST_ADMIN_URL or --config; of a stopped one, --data-dir gives the files (there is no outbox in ${dataDir}).`
    throw new CliError(EXIT.unreachable, error.code, error.message, hint)
  }
}

function offline(io: Io, { dataDir, stores }: RelayFacts): AdminClient {
  return openOffline({ dataDir, stores, version: packageVersion(), runtime: io.runtime })
}

/** Never the address of a server: that may hold a password. */
function sourcesOf({ dataDir, stores }: RelayFacts, hasFiles: boolean): string {
  const kinds = new Set(stores.map(({ outbox }) => (outbox.kind === 'bullmq' ? 'Redis' : 'Postgres')))
  return [...kinds, ...(hasFiles ? [`the files in ${dataDir}`] : [])].join(', and ')
}

function tokenOf({ token }: RelayFacts): string | undefined {
  if ('text' in token) return token.text
  try {
    return readFileSync(token.file, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Where there is none, the relay says whether it wants one.
    if (token.isMade === true && code === 'ENOENT') return undefined
    throw new CliError(
      EXIT.unauthenticated,
      'token-unreadable',
      `the token cannot be read from ${token.file} (${code})`,
      'Give another file with --token-file, or run this as the user that the relay runs as.',
    )
  }
}
