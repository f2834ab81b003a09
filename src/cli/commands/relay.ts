import { Command } from 'commander'

import type { RelayConfig } from '../../config/index.ts'
import { createLogger, type Logger } from '../../logs/logger.ts'
import { crashLine } from '../../service/crash-line.ts'
import { type Service, startService } from '../../service/service.ts'
import { StartError, type StartProblem } from '../../service/start-error.ts'
import { CliError } from '../cli-error.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { processHooks, type ProcessHooks } from '../process-hooks.ts'
import { orConfigExit, readConfig } from '../read-config.ts'
import { relayBanner } from '../relay-banner.ts'
import { addRelayFlags } from '../relay-flags.ts'
import { type GlobalOptions, wantsJson } from '../report.ts'
import { packageVersion } from '../version.ts'

export function relayCommand(io: Io, hooks: ProcessHooks = processHooks): Command {
  const command = new Command('relay')
    .description(
      "run the relay: an HTTP server for Customer.io's Track API that stores what it answers, and delivers it",
    )
    .addHelpText('after', SIGNALS)
    .action((_options: object, command: Command) => runRelay(io, command, hooks))
  return addRelayFlags(command)
}

const SIGNALS = `
Signals: SIGTERM and SIGINT stop in order, a second one at once; SIGHUP reloads the configuration; SIGUSR2 writes how
everything is into the log. Exit codes: 0 stopped, 74 its files cannot be used, 75 its port is taken, 78 its configuration.
`

/** For the last lines of the log. */
const FLUSH_MS = 1_000
/** Beyond everything that a shutdown may take. */
const OVERDUE_MS = 5_000

const EXIT_OF: Readonly<Record<StartProblem, ExitCode>> = { config: EXIT.config, store: EXIT.store, taken: EXIT.locked }

async function runRelay(io: Io, command: Command, hooks: ProcessHooks): Promise<void> {
  const load = (): ReturnType<typeof readConfig> => readConfig(io, command)
  const loaded = orConfigExit(load)
  const { clock } = io.runtime
  const isPretty = !wantsJson(io, command.optsWithGlobals<GlobalOptions>())
  const logger = createLogger({
    level: loaded.config.log.level,
    destination: hooks.logOutput(clock),
    clock,
    pretty: isPretty,
  })
  hooks.onCrash((failure) => void crash(failure, logger, hooks))
  const signals = attendSignals(io, logger, hooks)
  try {
    const { runtime } = io
    const service = await startService(loaded, { runtime, logger, version: packageVersion(), pid: hooks.pid, load })
    if (isPretty) io.stdout.write(relayBanner(service, packageVersion()))
    signals.started(service)
    await service.closed
    await logger.flush(FLUSH_MS)
    hooks.end(EXIT.ok)
  } catch (error) {
    throw await failed(error, logger)
  }
}

async function crash(failure: unknown, logger: Logger, hooks: ProcessHooks): Promise<void> {
  logger.log(crashLine(failure))
  await logger.flush(FLUSH_MS)
  hooks.end(EXIT.failed)
}

async function failed(error: unknown, logger: Logger): Promise<unknown> {
  if (!(error instanceof StartError)) return error
  const { problem, because, message } = error
  logger.log({ event: 'start-failed', code: because, message: `the relay does not start: ${message}` })
  await logger.flush(FLUSH_MS)
  return new CliError(EXIT_OF[problem], because, message)
}

interface Signals {
  /** From now on signals are for it; one that came before is heard now. */
  started(service: Service): void
}

function attendSignals(io: Io, logger: Logger, hooks: ProcessHooks): Signals {
  let service: Service | undefined
  let stops = 0
  const stop = (signal: string): void => {
    stops++
    logger.log({ event: 'signal', message: `${signal} arrived`, fields: { signal } })
    if (service !== undefined) shutDown(io, service, hooks)
    // An outbox that does not open is no reason to stay.
    else if (stops > 1) hooks.end(EXIT.failed)
  }
  io.onSignal('SIGTERM', () => stop('SIGTERM'))
  io.onSignal('SIGINT', () => stop('SIGINT'))
  io.onSignal('SIGHUP', () => {
    logger.log({ event: 'signal', message: 'SIGHUP arrived', fields: { signal: 'SIGHUP' } })
    // What is wrong is in the log.
    service?.reload().catch(() => {})
  })
  io.onSignal('SIGUSR2', () => void service?.dump())
  return {
    started(running) {
      service = running
      if (stops > 0) shutDown(io, running, hooks)
    },
  }
}

function shutDown(io: Io, service: Service, hooks: ProcessHooks): void {
  const { readinessDelayMs, shutdownTimeoutMs }: RelayConfig = service.config
  io.runtime.clock.timer(readinessDelayMs + shutdownTimeoutMs + OVERDUE_MS, () => hooks.end(EXIT.timeout))
  void service.shutdown()
}
