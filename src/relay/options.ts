/** The relay's options, their defaults, and the one place where they are checked. */
import type { ClientOptions } from '../client/options.ts'
import { OptionsError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import type { InboundCredentials } from './credentials.ts'
import { RETRIES_DEFAULTS, type RetriesOptions } from './retries.ts'
import { SURVIVORS_DEFAULTS, type SurvivorsOptions } from './survivors.ts'

/** A workspace of Customer.io that the relay takes requests for: who may send, and the client that stores and delivers. */
export interface WorkspaceOptions {
  /** Stands in events, metrics and logs. Letters, digits, `.`, `_` and `-`, up to 64. */
  readonly name: string
  /** Pairs of site id and API key that SDKs may send; several, so that a key can be changed without a pause. @defaultValue those of `client` */
  readonly inbound?: readonly InboundCredentials[]
  /** Of its client. Where its calls are delivered (`siteId`, `apiKey`, `region`, `baseUrl`) and stored (`outbox`). Never in mode `direct`. */
  readonly client: ClientOptions
}

export interface RelayOptions {
  /** One or more. */
  readonly workspaces: readonly WorkspaceOptions[]
  /** Whose the requests are that Customer.io takes without credentials (metrics, push, unsubscribe), where there are several workspaces. */
  readonly defaultWorkspace?: string
  /** A body may be so large, packed and unpacked, in bytes; what is larger gets 413. @defaultValue 2000000 */
  readonly bodyBytesMax?: number
  /** Requests under way; what comes beyond gets 503. @defaultValue 10000 */
  readonly inFlightMax?: number
  /** Bodies of requests under way together, in bytes; what comes beyond gets 503. @defaultValue 134217728 */
  readonly bufferedBytesMax?: number
  /** A request waits so long for an outbox that is still opening, in milliseconds; then it gets 503. @defaultValue 2000 */
  readonly openWaitMs?: number
  /** How retries of a request are known. */
  readonly retries?: Partial<RetriesOptions>
  /** How retries of requests are known that were stored before the relay was started. */
  readonly survivors?: Partial<SurvivorsOptions>
  /** Time, chance, ids and network; also of the clients that bring none of their own. @defaultValue the real ones */
  readonly runtime?: Runtime
}

export interface RelaySettings {
  readonly defaultWorkspace: string | undefined
  readonly bodyBytesMax: number
  readonly inFlightMax: number
  readonly bufferedBytesMax: number
  readonly openWaitMs: number
  readonly retries: RetriesOptions
  readonly survivors: SurvivorsOptions
  readonly runtime: Runtime
}

/** A workspace with everything decided. */
export interface WorkspaceSettings {
  readonly name: string
  readonly inbound: readonly InboundCredentials[]
  readonly client: ClientOptions
}

const relayDefaults = Object.freeze({
  bodyBytesMax: 2_000_000,
  inFlightMax: 10_000,
  bufferedBytesMax: 134_217_728,
  openWaitMs: 2_000,
})

const OPTION_NAMES: Readonly<Record<keyof RelayOptions, true>> = {
  workspaces: true,
  defaultWorkspace: true,
  bodyBytesMax: true,
  inFlightMax: true,
  bufferedBytesMax: true,
  openWaitMs: true,
  retries: true,
  survivors: true,
  runtime: true,
}

const WORKSPACE_NAMES: Readonly<Record<keyof WorkspaceOptions, true>> = { name: true, inbound: true, client: true }

const NAME = /^[\w.-]{1,64}$/

/** @throws OptionsError naming the field */
export function resolveRelayOptions(options: RelayOptions): RelaySettings {
  checkObject(options, 'options', OPTION_NAMES)
  const { retries = {}, survivors = {}, defaultWorkspace } = options
  checkObject(retries, 'retries', RETRIES_DEFAULTS)
  checkObject(survivors, 'survivors', SURVIVORS_DEFAULTS)
  const settings: RelaySettings = {
    defaultWorkspace,
    bodyBytesMax: options.bodyBytesMax ?? relayDefaults.bodyBytesMax,
    inFlightMax: options.inFlightMax ?? relayDefaults.inFlightMax,
    bufferedBytesMax: options.bufferedBytesMax ?? relayDefaults.bufferedBytesMax,
    openWaitMs: options.openWaitMs ?? relayDefaults.openWaitMs,
    retries: { ...RETRIES_DEFAULTS, ...retries },
    survivors: { ...SURVIVORS_DEFAULTS, ...survivors },
    runtime: options.runtime ?? systemRuntime,
  }
  for (const name of ['bodyBytesMax', 'inFlightMax', 'bufferedBytesMax', 'openWaitMs'] as const) {
    checkCount(name, settings[name], name === 'openWaitMs' ? 0 : 1)
  }
  for (const [name, value] of Object.entries(settings.retries)) checkCount(`retries.${name}`, value, 1)
  for (const [name, value] of Object.entries(settings.survivors)) checkCount(`survivors.${name}`, value, 0)
  return settings
}

/** The workspaces, checked. @throws OptionsError naming the field */
export function resolveWorkspaces(
  workspaces: readonly WorkspaceOptions[],
  { runtime, defaultWorkspace }: Pick<RelaySettings, 'runtime' | 'defaultWorkspace'>,
): readonly WorkspaceSettings[] {
  if (!Array.isArray(workspaces) || workspaces.length === 0) {
    throw new OptionsError('workspaces', 'must be a list of one or more')
  }
  const names = new Set<string>()
  const resolved = workspaces.map((workspace: WorkspaceOptions, index): WorkspaceSettings => {
    checkObject(workspace, `workspaces[${index}]`, WORKSPACE_NAMES)
    const { name, client } = workspace
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw new OptionsError(`workspaces[${index}].name`, 'must be letters, digits, ".", "_" and "-", up to 64')
    }
    if (names.has(name)) throw new OptionsError(`workspaces[${index}].name`, 'is taken by another one')
    names.add(name)
    checkObject(client, `workspaces.${name}.client`)
    if (client.mode !== undefined && client.mode !== 'outbox') {
      throw new OptionsError(
        `workspaces.${name}.client.mode`,
        'must be outbox: the relay answers once a call is stored',
      )
    }
    const { siteId = '', apiKey = '' } = client
    const inbound = workspace.inbound ?? [{ siteId, apiKey }]
    if (!Array.isArray(inbound)) throw new OptionsError(`workspaces.${name}.inbound`, 'must be a list')
    return { name, inbound, client: { runtime, ...client } }
  })
  if (defaultWorkspace !== undefined && !names.has(defaultWorkspace)) {
    throw new OptionsError('defaultWorkspace', 'must be the name of one of the workspaces')
  }
  return resolved
}

function checkObject(value: unknown, field: string, names?: object): void {
  if (typeof value !== 'object' || value === null) throw new OptionsError(field, 'must be an object')
  if (names === undefined) return
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(names, name)) throw new OptionsError(`${field}.${name}`, 'is not known here')
  }
}

function checkCount(field: string, value: unknown, min: number): void {
  if (!Number.isSafeInteger(value) || (value as number) < min) {
    throw new OptionsError(field, `must be a whole number of at least ${min}`)
  }
}
