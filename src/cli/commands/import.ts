/** `holdfast import FILE`: a file's operations into a relay, or into the outbox of one. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { Command, InvalidArgumentError, Option } from 'commander'

import { OptionsError, OutboxError } from '../../errors.ts'
import { type CsvMapping, type MappingInput, readMappingFile, resolveMapping } from '../../transfer/csv-mapping.ts'
import { dryRun } from '../../transfer/dry-run.ts'
import type { ImportTarget } from '../../transfer/import-target.ts'
import { type ImportState, runImport } from '../../transfer/import.ts'
import { openOutboxTarget } from '../../transfer/outbox-target.ts'
import { prepareImport, type Prepared } from '../../transfer/prepare.ts'
import { relayTarget } from '../../transfer/relay-target.ts'
import { TransferError } from '../../transfer/transfer-error.ts'
import { durationMs, numberAbove0, several, wholeNumber } from '../arguments.ts'
import { CliError } from '../cli-error.ts'
import { type CredentialOptions, credentialsOf, intakeUrlOf, outboxSiteIdOf } from '../credentials.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { tellDryRun, tellImport, wordsOf } from '../import-report.ts'
import type { Io } from '../io.ts'
import { progressView } from '../progress-bar.ts'
import { API_KEY_SOURCES, relayFactsOf, SITE_ID_SOURCES, URL_SOURCES } from '../relay-facts.ts'
import type { GlobalOptions } from '../report.ts'

interface ImportOptions extends GlobalOptions, CredentialOptions {
  readonly config?: string
  readonly url?: string
  readonly dataDir?: string
  readonly workspace?: string
  readonly format?: 'ndjson' | 'csv'
  readonly map?: string
  readonly as?: string
  readonly column?: readonly string[]
  readonly name?: string
  readonly data?: readonly string[]
  readonly timestampFormat?: string
  readonly empty?: string
  readonly delimiter?: string
  readonly encoding?: string
  readonly personIdentifier: 'auto' | 'id' | 'email'
  readonly rate?: number
  readonly batch: number
  readonly patience: number
  readonly maxErrors?: number
  readonly lint: boolean
  readonly dryRun?: boolean
  readonly restart?: boolean
}

export function importCommand(io: Io): Command {
  const command = new Command('import')
    .description(
      'send the operations of an NDJSON or CSV file, each once and in order; goes on where it was interrupted',
    )
    .argument('<file>', 'FILE.ndjson or FILE.csv, also packed (.gz)')
    .option('--url <url>', `relay to send to (${URL_SOURCES})`)
    .option('--site-id <id>', `site id of the workspace (${SITE_ID_SOURCES})`)
    .option('--api-key-file <file>', `file with the API key (${API_KEY_SOURCES})`)
    .option('--data-dir <folder>', "store in the relay's own outbox files instead of sending; the relay may be stopped")
    .option(
      '--workspace <name>',
      'workspace, needed where --config has several; with --data-dir its outbox is <folder>/<name>.db',
    )
    .addOption(new Option('--format <format>', 'what the file is; otherwise by its name').choices(['ndjson', 'csv']))
    .option('--rate <n>', 'operations a second, at most', numberAbove0)
    .option('--batch <n>', 'operations in one request', wholeNumber(1, 500), 100)
    .addOption(
      new Option('--patience <time>', 'how long to wait for a relay that takes nothing')
        .argParser(durationMs)
        .default(600_000, '10m'),
    )
    .option('--max-errors <n>', 'stop when more lines than this are bad', wholeNumber(0, 1_000_000_000))
    .option('--dry-run', 'check every line, send nothing')
    .option('--restart', 'forget how far an earlier import came')
    .option('--no-lint', 'do not check the documented limits of Customer.io')
    .addOption(
      new Option('--person-identifier <kind>', 'what a customer id in a path is')
        .choices(['auto', 'id', 'email'])
        .default('auto'),
    )
  return withMapping(command).action((file: string, _options, run: Command) =>
    importFile(io, resolve(io.cwd, file), run.optsWithGlobals<ImportOptions>()),
  )
}

function withMapping(command: Command): Command {
  return command
    .option('--map <file>', 'CSV: a JSON file with the mapping')
    .option('--as <action>', 'CSV: what a row is: identify, event, page, screen, delete, suppress, unsuppress')
    .option('--column <role=column>', 'CSV: column of id, email, phone, cio_id, name or timestamp; repeatable', several)
    .option('--name <name>', 'CSV: one name for all events')
    .option('--data <columns>', 'CSV: data columns: plan,total:number,Signed up=signed_up:time', listOf)
    .option('--timestamp-format <format>', 'CSV: auto, s, ms or iso')
    .option('--empty <what>', 'CSV: an empty cell is left out (omit) or an empty text (text)')
    .option('--delimiter <character>', 'CSV: otherwise found in the first line')
    .option('--encoding <name>', 'CSV: utf-8, windows-1252, ...')
}

function listOf(text: string): readonly string[] {
  const columns = text.split(',').map((column) => column.trim())
  if (columns.includes('')) throw new InvalidArgumentError('It must be columns with commas between.')
  return columns
}

async function importFile(io: Io, file: string, options: ImportOptions): Promise<void> {
  try {
    const mapping = mappingOf(io, file, options)
    const to = options.dataDir === undefined ? 'relay' : 'outbox'
    const { workspace, personIdentifier, lint, batch } = options
    const prepared = await prepareImport({
      file,
      mapping,
      workspace,
      units: { to, personIdentifier, lint, operationsMax: batch },
      restart: options.restart === true && options.dryRun !== true,
      clock: io.runtime.clock,
    })
    if (options.dryRun) return await checkFile(io, file, prepared, options)
    if (prepared.start === 'done') {
      io.exitWith(
        tellImport(io, options, { file, prepared, report: { end: { how: 'done' }, progress: prepared.progress } }),
      )
      return
    }
    const target = await targetOf(io, options)
    try {
      await sendFile(io, file, prepared, target, options)
    } finally {
      await target.close()
    }
  } catch (error) {
    throw asCliError(error)
  }
}

async function sendFile(
  io: Io,
  file: string,
  prepared: Prepared,
  target: ImportTarget,
  options: ImportOptions,
): Promise<void> {
  const { runtime } = io
  const { clock } = runtime
  const stop = new AbortController()
  const view = progressView(io.stderr, clock, prepared.progress.fileBytes)
  const startedMs = clock.monotonicMs()
  const before = prepared.progress.stored
  // A second signal ends the process at once, which loses nothing.
  const forget = (['SIGINT', 'SIGTERM'] as const).map((signal) =>
    io.onSignal(signal, () => {
      stop.abort()
      for (const end of forget) end()
    }),
  )
  try {
    const report = await runImport({
      file,
      reader: prepared.reader,
      target,
      units: prepared.units,
      progress: prepared.progress,
      perSecond: options.rate ?? Infinity,
      patienceMs: options.patience,
      rejectedMax: options.maxErrors ?? Infinity,
      signal: stop.signal,
      runtime,
      onState(state) {
        const seconds = (clock.monotonicMs() - startedMs) / 1_000
        const words = wordsOf(state, before, seconds)
        view.update(doneBytes(file, state), words.text, words.fields)
      },
    })
    view.stop()
    const seconds = (clock.monotonicMs() - startedMs) / 1_000
    io.exitWith(tellImport(io, options, { file, prepared, report, seconds, target: target.name }))
  } finally {
    view.stop()
    for (const end of forget) end()
  }
}

/** Of a packed file it is known only how much was read. */
function doneBytes(file: string, { progress, readBytes }: ImportState): number {
  return file.endsWith('.gz') ? readBytes : progress.offset
}

async function checkFile(io: Io, file: string, prepared: Prepared, options: ImportOptions): Promise<void> {
  const view = progressView(io.stderr, io.runtime.clock, prepared.progress.fileBytes)
  try {
    const report = await dryRun(file, prepared.reader, prepared.units, (read) => view.update(read, 'checking', {}))
    view.stop()
    io.exitWith(tellDryRun(io, options, file, report))
  } finally {
    view.stop()
  }
}

function mappingOf(io: Io, file: string, options: ImportOptions): CsvMapping | null {
  const name = file.replace(/\.gz$/, '')
  const format =
    options.format ?? (/\.(?:csv|tsv)$/i.test(name) ? 'csv' : /\.(?:ndjson|jsonl)$/i.test(name) ? 'ndjson' : null)
  if (format === null) {
    const hint = 'Name it FILE.ndjson or FILE.csv, or give --format.'
    throw new CliError(EXIT.usage, 'FORMAT_UNKNOWN', `what ${file} holds does not follow from its name`, hint)
  }
  const flags = flagsOf(options)
  if (format === 'csv') return resolveMapping({ ...mapFile(io, options.map), ...flags })
  const stray = Object.keys(flags)[0] ?? (options.map === undefined ? undefined : 'map')
  if (stray === undefined) return null
  throw new CliError(EXIT.usage, 'NOT_CSV', `--${stray} is for CSV files`)
}

function mapFile(io: Io, path: string | undefined): MappingInput {
  if (path === undefined) return {}
  let text: string
  try {
    text = readFileSync(resolve(io.cwd, path), 'utf8')
  } catch (error) {
    throw new TransferError('MAPPING', `${path} cannot be read: ${String(Reflect.get(Object(error), 'code'))}`)
  }
  return readMappingFile(text, path)
}

function flagsOf(options: ImportOptions): MappingInput {
  const { as, name, data, timestampFormat, empty, delimiter, encoding, column } = options
  const columns: Record<string, string> = {}
  for (const pair of column ?? []) {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new CliError(EXIT.usage, 'COLUMN', '--column must be as id=customer_id')
    columns[pair.slice(0, equals)] = pair.slice(equals + 1)
  }
  const given = { as, name, data, timestampFormat, empty, delimiter, encoding, ...(column && { columns }) }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function targetOf(io: Io, options: ImportOptions): Promise<ImportTarget> | ImportTarget {
  const { runtime } = io
  const { lint, url } = options
  const facts = relayFactsOf(io, options, { ...options, intakeUrl: url })
  if (options.dataDir === undefined) {
    return relayTarget({ url: intakeUrlOf(facts), ...credentialsOf(facts), runtime })
  }
  const siteId = outboxSiteIdOf(facts)
  const workspace = facts.workspace ?? 'default'
  if (!/^[\w-][\w.-]*$/.test(workspace))
    throw new CliError(EXIT.usage, 'WORKSPACE', '--workspace is no name of a workspace')
  if (facts.stores.some(({ name }) => name === workspace)) {
    const message = `the outbox of ${workspace} is on a server, and --data-dir stores in a file that nobody would deliver`
    throw new CliError(EXIT.usage, 'outbox-on-server', message, 'Send to a relay of it: leave --data-dir out.')
  }
  return openOutboxTarget({ outbox: { path: join(facts.dataDir, `${workspace}.db`) }, siteId, lint, runtime })
}

const EXIT_OF_CODE: Readonly<Record<TransferError['code'], readonly [ExitCode, string?]>> = {
  FILE_UNREADABLE: [EXIT.usage],
  MAPPING: [EXIT.usage],
  PROGRESS_UNUSABLE: [EXIT.failed],
  FILE_CHANGED: [
    EXIT.unsafe,
    'Give --restart to import it from its first line; lines that were sent before are sent again.',
  ],
  SETTINGS_CHANGED: [EXIT.unsafe, 'Give the settings it began with, or --restart to import it from its first line.'],
}

function asCliError(error: unknown): unknown {
  if (error instanceof OptionsError) return new CliError(EXIT.usage, error.code, error.message)
  if (error instanceof OutboxError) {
    return new CliError(error.code === 'OUTBOX_DAMAGED' ? EXIT.damaged : EXIT.store, error.code, error.message)
  }
  if (!(error instanceof TransferError)) return error
  const [exitCode, hint] = EXIT_OF_CODE[error.code]
  return new CliError(exitCode, error.code, error.message, hint)
}
