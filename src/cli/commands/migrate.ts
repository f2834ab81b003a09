/** `holdfast migrate`: the tables of the Postgres outbox, made or brought to this version; or the SQL for it. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { Command, Option } from 'commander'

import { asCliError } from '../admin-failure.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { relayFactsOf } from '../relay-facts.ts'
import { type GlobalOptions, report } from '../report.ts'

interface MigrateOptions extends GlobalOptions {
  readonly config?: string
  readonly workspace?: string
  readonly urlFile?: string
  readonly schema?: string
  readonly print?: boolean
}

interface Target {
  readonly schema: string
  readonly connectionString: string
}

interface Migrated {
  readonly schema: string
  /** The version that was there; null where there was none. */
  readonly before: number | null
}

const DEFAULT_SCHEMA = 'holdfast'

export function migrateCommand(io: Io): Command {
  return new Command('migrate')
    .description('make the tables of the Postgres outbox, or bring them to this version; may be run again at any time')
    .option('--print', 'print the SQL, and run nothing')
    .addOption(new Option('-w, --workspace <name>', 'of this one of the configuration alone'))
    .option('--url-file <file>', 'file with the URL of the database, instead of a configuration')
    .option('--schema <name>', `with --url-file or --print: the schema of the tables (default: ${DEFAULT_SCHEMA})`)
    .action((_options, command: Command) => migrate(io, command.optsWithGlobals<MigrateOptions>()))
}

async function migrate(io: Io, options: MigrateOptions): Promise<void> {
  try {
    const { migratePostgres, printMigrations } = await import('../../outbox/postgres.ts')
    if (options.print === true) {
      for (const schema of schemasOf(io, options)) io.stdout.write(withLineEnd(printMigrations({ schema })))
      return
    }
    const done: Migrated[] = []
    for (const { schema, connectionString } of targetsOf(io, options)) {
      done.push({ schema, ...(await migratePostgres({ connectionString, schema })) })
    }
    report(io, options, { schemas: done }, () => done.map(doneText).join('\n'))
  } catch (error) {
    throw asCliError(error)
  }
}

function doneText({ schema, before }: Migrated): string {
  return before === null ? `${schema}: made.` : `${schema}: was there with version ${before}, and is of this version.`
}

function schemasOf(io: Io, options: MigrateOptions): readonly string[] {
  if (options.schema !== undefined) return [options.schema]
  const named = configured(io, options).map(({ schema }) => schema)
  return named.length === 0 ? [DEFAULT_SCHEMA] : [...new Set(named)]
}

function targetsOf(io: Io, options: MigrateOptions): readonly Target[] {
  const { urlFile, schema } = options
  if (urlFile !== undefined)
    return [{ schema: schema ?? DEFAULT_SCHEMA, connectionString: textOf(resolve(io.cwd, urlFile)) }]
  if (schema !== undefined) {
    const message = '--schema goes with --url-file or --print; otherwise the configuration says it'
    throw new CliError(EXIT.usage, 'schema-alone', message)
  }
  const targets = configured(io, options)
  if (targets.length > 0) return targets
  const message = 'there is no workspace with outbox.kind postgres'
  throw new CliError(
    EXIT.usage,
    'no-postgres',
    message,
    'Name the configuration with --config, or the URL with --url-file.',
  )
}

/** Of the configuration, each once. */
function configured(io: Io, options: MigrateOptions): readonly Target[] {
  const { stores } = relayFactsOf(io, options, { workspace: options.workspace })
  const chosen = stores.filter(({ name }) => options.workspace === undefined || name === options.workspace)
  const targets = new Map<string, Target>()
  for (const { outbox } of chosen) {
    if (outbox.kind !== 'postgres' || outbox.options.connectionString === undefined) continue
    const target = {
      schema: outbox.options.schema ?? DEFAULT_SCHEMA,
      connectionString: outbox.options.connectionString,
    }
    targets.set(JSON.stringify(target), target)
  }
  return [...targets.values()]
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CliError(EXIT.failed, 'url-unreadable', `the URL cannot be read from ${file} (${code})`)
  }
}

function withLineEnd(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}
