/** `holdfast doctor`: looks at everything that a relay needs, and says what to do about what is wrong. */
import { Command, Option } from 'commander'

import { toClientOptions } from '../../config/index.ts'
import type { Finding, Status } from '../../doctor/check.ts'
import { examine } from '../../doctor/doctor.ts'
import type { DoctorFacts, DoctorWorkspace } from '../../doctor/facts.ts'
import { systemProbes } from '../../doctor/system-probes.ts'
import { CliError } from '../cli-error.ts'
import { type CredentialOptions, credentialsOf } from '../credentials.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { configFileOf, orConfigExit, readConfig } from '../read-config.ts'
import { API_KEY_SOURCES, DEFAULTS, relayFactsOf, saysOutbox, SITE_ID_SOURCES } from '../relay-facts.ts'
import { type GlobalOptions, report, wantsJson } from '../report.ts'

interface DoctorOptions extends GlobalOptions, CredentialOptions {
  readonly config?: string
  readonly dataDir?: string
  readonly workspace?: string
  readonly region?: 'us' | 'eu'
  readonly baseUrl?: string
  readonly repair?: boolean
  readonly yes?: boolean
}

export function doctorCommand(io: Io): Command {
  return new Command('doctor')
    .description('check configuration, disk, outbox, clock, network, credentials and limits')
    .option(
      '--data-dir <folder>',
      `the relay's data folder (HOLDFAST_DATA_DIR, that in --config, else ${DEFAULTS.dataDir})`,
    )
    .option('-w, --workspace <name>', 'this one alone; without --config its name, which is default')
    .option('--site-id <id>', `site id of the workspace (${SITE_ID_SOURCES})`)
    .option('--api-key-file <file>', `file with the API key (${API_KEY_SOURCES})`)
    .addOption(
      new Option('--region <region>', 'of the workspace (HOLDFAST_REGION, that in --config, else us)').choices([
        'us',
        'eu',
      ]),
    )
    .option('--base-url <url>', "instead of the region's host: a simulator, a proxy")
    .option('--repair', 'do what can safely be done about it; needs --yes')
    .option('--yes', 'do not only say what --repair would do')
    .action((_options, command: Command) => doctor(io, command.optsWithGlobals<DoctorOptions>(), command))
}

async function doctor(io: Io, options: DoctorOptions, command: Command): Promise<void> {
  const facts = factsOf(io, options, command)
  const uid = process.getuid?.() ?? null
  const probes = systemProbes(io.runtime, { nodeVersion: process.versions.node, uid })
  const live = !wantsJson(io, options)
  const tell = (finding: Finding): void => {
    if (live) io.stdout.write(`${lineOf(finding)}\n`)
  }
  let findings = await examine(facts, probes, tell)
  const repairs: string[] = []
  const pending = findings.flatMap(({ repair }) => (repair === undefined ? [] : [repair]))
  if (options.repair && pending.length > 0) {
    if (!options.yes) {
      const list = pending.map(({ what }) => `  ${what}`).join('\n')
      throw new CliError(EXIT.unsafe, 'NEEDS_YES', `--repair would do this:\n${list}`, 'Give --yes as well to do it.')
    }
    for (const { run } of pending) repairs.push(await run())
    for (const repair of repairs) if (live) io.stdout.write(`repaired: ${repair}\n`)
    if (live) io.stdout.write('\nand once more:\n')
    findings = await examine(facts, probes, tell)
  }
  const counts = countsOf(findings)
  const value = {
    counts,
    findings: findings.map(({ repair, ...finding }) => ({ ...finding, repairable: repair !== undefined })),
    repairs,
  }
  report(io, options, value, () => {
    const repairable = findings.filter(({ repair }) => repair !== undefined).length
    const hint = repairable > 0 && !options.repair ? `; --repair can do something about ${repairable}` : ''
    return `\n${counts.ok} ok, ${counts.warn} to look at, ${counts.fail} failed, ${counts.skipped} skipped${hint}`
  })
  io.exitWith(exitOf(findings))
}

function factsOf(io: Io, options: DoctorOptions, command: Command): DoctorFacts {
  const isConfigured = configFileOf(io, options) !== undefined || saysOutbox(io.env)
  return isConfigured ? factsIn(io, options, command) : factsWithout(io, options)
}

/** Of the configuration, with the flags over it as `holdfast relay` would lay them. */
function factsIn(io: Io, options: DoctorOptions, command: Command): DoctorFacts {
  const { config, file } = orConfigExit(() => readConfig(io, command))
  const { workspace: named } = options
  const all = Object.entries(config.workspaces)
  const chosen = named === undefined ? all : all.filter(([name]) => name === named)
  if (chosen.length === 0) {
    const message = `there is no workspace "${named}" in the configuration; there is ${all.map(([name]) => name).join(', ')}`
    throw new CliError(EXIT.usage, 'unknown-workspace', message)
  }
  const workspaces = chosen.map(([name, workspace]): DoctorWorkspace => {
    const { siteId, apiKey, region, baseUrl } = workspace
    const { outbox } = toClientOptions(workspace, config.dataDir, name)
    return { name, siteId, apiKey, region, baseUrl, store: outbox.kind === 'sqlite' ? null : outbox }
  })
  return { configFile: file, dataDir: config.dataDir, workspaces }
}

function factsWithout(io: Io, options: DoctorOptions): DoctorFacts {
  const facts = relayFactsOf(io, {}, options)
  const { siteId, apiKey } = credentialsOf(facts)
  const said = options.region ?? (io.env['HOLDFAST_REGION'] || 'us')
  const region = said === 'us' || said === 'eu' ? said : null
  if (region === null) throw new CliError(EXIT.usage, 'REGION', 'HOLDFAST_REGION must be us or eu')
  const baseUrl = options.baseUrl ?? (io.env['HOLDFAST_BASE_URL'] || null)
  if (baseUrl !== null && !/^https?:$/.test(URL.parse(baseUrl)?.protocol ?? '')) {
    throw new CliError(EXIT.usage, 'BASE_URL', '--base-url must be an http or https URL')
  }
  const workspace: DoctorWorkspace = {
    name: facts.workspace ?? 'default',
    siteId,
    apiKey,
    region,
    baseUrl,
    store: null,
  }
  return { configFile: null, dataDir: facts.dataDir, workspaces: [workspace] }
}

const MARKS: Readonly<Record<Status, string>> = { ok: 'ok     ', warn: 'warning', fail: 'FAILED ', skipped: 'skipped' }

/** `clock track-eu.customer.io` and a bit. */
const CHECK_CHARS = 28

function lineOf({ check, status, message, hint }: Finding): string {
  const line = `${MARKS[status]}  ${check.padEnd(CHECK_CHARS)}  ${message}`
  return hint === undefined ? line : `${line}\n${' '.repeat(CHECK_CHARS + 11)}${hint}`
}

function countsOf(findings: readonly Finding[]): Readonly<Record<Status, number>> {
  const counts = { ok: 0, warn: 0, fail: 0, skipped: 0 }
  for (const { status } of findings) counts[status]++
  return counts
}

function exitOf(findings: readonly Finding[]): ExitCode {
  const failures = findings.filter(({ status }) => status === 'fail')
  if (failures.some(({ kind }) => kind === 'damaged')) return EXIT.damaged
  if (failures.some(({ kind }) => kind === 'unauthenticated')) return EXIT.unauthenticated
  return failures.length > 0 ? EXIT.failed : EXIT.ok
}
