/** The sockets of a relay: for applications, for operators, and for health and metrics alone. */
import { type RelayConfig, readTlsFiles } from '../config/index.ts'
import { type Handler, listen, type Listening } from '../http/listen.ts'
import type { RelayEvent } from '../observe/relay-events.ts'
import type { Runtime } from '../runtime/runtime.ts'

export interface Listeners {
  readonly intake: Listening
  readonly admin: Listening | null
  readonly ops: Listening | null
}

export interface ListenersParts {
  readonly config: RelayConfig
  readonly runtime: Runtime
  readonly intake: Handler
  readonly admin: Handler | null
  readonly ops: Handler
  readonly emit: (event: RelayEvent) => void
  /** What a handler throws, of which the client hears nothing. */
  readonly failed: (error: unknown) => void
}

/**
 * Opens all of them, or none.
 * @throws ConfigError when a TLS file cannot be used, OptionsError and ListenError as `listen` does
 */
export async function openListeners(parts: ListenersParts): Promise<Listeners> {
  const { config, runtime, emit, failed } = parts
  const { listen: at, limits } = config
  const common = {
    headerBytesMax: limits.headerBytesMax,
    headersTimeoutMs: limits.headersTimeoutMs,
    requestTimeoutMs: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    idleTimeoutMs: limits.idleTimeoutMs,
    runtime,
    failed,
  }
  const opened: Listening[] = []
  const open = async (handler: Handler, options: Parameters<typeof listen>[1]): Promise<Listening> => {
    const listening = await listen(handler, options)
    opened.push(listening)
    return listening
  }
  try {
    const intake = await open(parts.intake, {
      ...common,
      host: at.host,
      port: at.port,
      allowRemote: at.allowRemote,
      connectionsMax: limits.connectionsMax,
      tls: at.tls === null ? null : tlsOf(config, runtime),
      refused: (refused) => emit({ type: 'connection', refused }),
    })
    const admin =
      parts.admin === null ? null : await open(parts.admin, { ...common, port: config.admin.port, connectionsMax: 100 })
    const ops =
      config.ops === null
        ? null
        : // It tells nothing that is secret, and whoever sets its address means it.
          await open(parts.ops, { ...common, ...config.ops, allowRemote: true, connectionsMax: 1_000 })
    return { intake, admin, ops }
  } catch (error) {
    await Promise.all(opened.map((listening) => listening.close({ timeoutMs: 0 })))
    throw error
  }
}

/** The certificate as it stands in its files now. @throws ConfigError when one cannot be used */
export function tlsOf(config: RelayConfig, runtime: Runtime): ReturnType<typeof readTlsFiles> | null {
  const { tls } = config.listen
  return tls === null ? null : readTlsFiles(tls, runtime.clock.wallMs())
}
