/** What the servers behind a link may lose, as they are configured: asked once at the start, in sentences for people. */
import { OptionsError, OutboxError } from '../../errors.ts'
import type { StoreReport } from '../outbox.ts'
import type { RedisLink } from './link.ts'
import { wasRefused } from './redis-failure.ts'

export interface ServerCheckOptions {
  /** Refuse a server that keeps no append-only file, may evict keys, or cannot be asked. @defaultValue false */
  readonly requireDurability?: boolean
}

/** Of one server; null for what it does not tell. */
export interface ServerFacts {
  readonly product: string
  readonly version: string
  readonly appendOnly: boolean | null
  readonly appendFsync: string | null
  readonly canWriteFile: boolean
  readonly evictionPolicy: string | null
  readonly isReplica: boolean
  readonly replicas: number
  readonly isCluster: boolean
}

/** Of those a cluster has 16,384. */
export interface ClusterFacts {
  readonly slotsServed: number
}

const SLOTS = 16_384
const VERSION_MIN = [6, 2] as const

/**
 * Asks each server of a link (each master of a cluster) what it is and what it keeps.
 * @returns the report, with the risks of all of them
 * @throws OptionsError (`connection`) for a server older than Redis 6.2
 * @throws OutboxError `OUTBOX_NOT_DURABLE` with `requireDurability` when the operations are not safe there;
 * `OUTBOX_UNAVAILABLE` when a server does not answer
 * @example const { server, risks } = await checkServer(link, { requireDurability: true })
 */
export async function checkServer(link: RedisLink, options: ServerCheckOptions = {}): Promise<StoreReport> {
  const servers = await serverFacts(link)
  const [first] = servers
  if (first === undefined) throw new OutboxError('OUTBOX_UNAVAILABLE', 'no server of the Redis Cluster answers')
  for (const { product, version } of servers) checkVersion(product, version)
  const cluster = first.isCluster ? await clusterFacts(link) : null
  if (options.requireDurability === true) {
    const reason = servers.flatMap(notDurable)[0]
    if (reason !== undefined) throw new OutboxError('OUTBOX_NOT_DURABLE', `requireDurability: ${reason}`)
  }
  return { server: `${first.product} ${first.version}`, risks: risksOf(servers, cluster) }
}

/** Each sentence once, however many servers it is true of. */
export function risksOf(servers: readonly ServerFacts[], cluster: ClusterFacts | null): readonly string[] {
  const risks = [...servers.flatMap(notDurable), ...servers.flatMap(lessDurable)]
  if (cluster !== null && cluster.slotsServed < SLOTS) {
    risks.push(
      `the cluster serves ${cluster.slotsServed} of ${SLOTS} slots: what belongs to the others cannot be stored`,
    )
  }
  return [...new Set(risks)]
}

/** What `requireDurability` refuses. */
function notDurable({ appendOnly, evictionPolicy }: ServerFacts): readonly string[] {
  const reasons: string[] = []
  if (appendOnly === false) {
    reasons.push('appendonly is no: a restart of Redis loses what was stored since its last snapshot')
  }
  if (appendOnly === null) reasons.push('appendonly could not be checked: Redis may lose operations when it restarts')
  if (evictionPolicy === null) {
    reasons.push('maxmemory-policy could not be checked: Redis may throw operations away when its memory is full')
  } else if (evictionPolicy !== 'noeviction') {
    reasons.push(
      `maxmemory-policy is ${evictionPolicy}: Redis may throw operations away when its memory is full; set noeviction`,
    )
  }
  return reasons
}

function lessDurable(facts: ServerFacts): readonly string[] {
  const risks: string[] = []
  if (facts.appendOnly === true) risks.push(...fsyncRisk(facts.appendFsync))
  if (!facts.canWriteFile) risks.push('Redis could not write its append-only file the last time: look at its disk')
  if (facts.isReplica) risks.push('this server is a read-only replica: nothing can be stored here')
  if (facts.replicas > 0) {
    risks.push('replication is asynchronous: a failover loses what the replica had not yet received')
  }
  if (facts.product === 'dragonfly') risks.push('Dragonfly is not tested with this outbox')
  return risks
}

function fsyncRisk(appendFsync: string | null): readonly string[] {
  if (appendFsync === 'always') return []
  if (appendFsync === 'no') {
    return ['appendfsync is no: a power loss loses what the operating system had not written yet, often 30 seconds']
  }
  if (appendFsync === null) {
    return ['appendfsync could not be checked: a power loss may lose the operations of the last seconds']
  }
  return [
    'appendfsync is everysec: a power loss can lose the last second, and so can a kill -9 of Redis, up to two seconds while its disk is busy',
  ]
}

async function serverFacts(link: RedisLink): Promise<readonly ServerFacts[]> {
  const infos = await link.everywhere('info', [])
  const settings = async (name: string): Promise<readonly (string | null)[]> => {
    try {
      return (await link.everywhere('config', ['get', name])).map((answer) => settingOf(answer, name))
    } catch (error) {
      if (wasRefused(error)) return []
      throw error
    }
  }
  const [appendOnly, appendFsync, policy] = [
    await settings('appendonly'),
    await settings('appendfsync'),
    await settings('maxmemory-policy'),
  ]
  return infos.map((info, index) =>
    factsOf(fieldsOf(info), {
      appendOnly: appendOnly[index] ?? null,
      appendFsync: appendFsync[index] ?? null,
      policy: policy[index] ?? null,
    }),
  )
}

interface Settings {
  readonly appendOnly: string | null
  readonly appendFsync: string | null
  readonly policy: string | null
}

function factsOf(info: ReadonlyMap<string, string>, settings: Settings): ServerFacts {
  const aof = info.get('aof_enabled')
  const enabled = settings.appendOnly ?? (aof === undefined ? null : aof === '1' ? 'yes' : 'no')
  return {
    ...productOf(info),
    appendOnly: enabled === null ? null : enabled === 'yes',
    appendFsync: settings.appendFsync,
    canWriteFile: info.get('aof_last_write_status') !== 'err',
    evictionPolicy: settings.policy ?? info.get('maxmemory_policy') ?? null,
    isReplica: info.get('role') === 'slave',
    replicas: Number(info.get('connected_slaves') ?? 0),
    isCluster: info.get('redis_mode') === 'cluster' || info.get('cluster_enabled') === '1',
  }
}

/** Valkey and Dragonfly also name the Redis version that they stand in for. */
function productOf(info: ReadonlyMap<string, string>): { readonly product: string; readonly version: string } {
  for (const product of ['valkey', 'dragonfly', 'redis']) {
    const version = info.get(`${product}_version`)
    if (version !== undefined) return { product, version: version.replace(/^df-v?/, '') }
  }
  return { product: 'redis', version: 'unknown' }
}

function checkVersion(product: string, version: string): void {
  if (product !== 'redis') return
  const [major = NaN, minor = NaN] = version.split('.').map(Number)
  // A server that hides its version is not refused for that.
  if (Number.isNaN(major) || major > VERSION_MIN[0] || (major === VERSION_MIN[0] && minor >= VERSION_MIN[1])) return
  throw new OptionsError('connection', `must be Redis ${VERSION_MIN.join('.')} or later, or Valkey; this is ${version}`)
}

async function clusterFacts(link: RedisLink): Promise<ClusterFacts | null> {
  try {
    const served = fieldsOf(await link.command('cluster', ['info'])).get('cluster_slots_ok')
    return served === undefined ? null : { slotsServed: Number(served) }
  } catch (error) {
    if (wasRefused(error)) return null
    throw error
  }
}

/** `name:value` lines, as INFO gives them. */
function fieldsOf(answer: unknown): ReadonlyMap<string, string> {
  const lines = String(answer).split(/\r?\n/)
  return new Map(
    lines.flatMap((line) => {
      const colon = line.indexOf(':')
      return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()] as const]
    }),
  )
}

function settingOf(answer: unknown, name: string): string | null {
  if (!Array.isArray(answer)) return null
  const index = answer.indexOf(name)
  return index < 0 ? null : String(answer[index + 1])
}
