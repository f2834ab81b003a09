/** The real world, for the doctor. */
import { promises as dns } from 'node:dns'
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { connect } from 'node:tls'

import { CustomerIOHealthChecker } from '../client/health-checker.ts'
import { checkOutboxFile } from '../outbox/sqlite/check-file.ts'
import { sqliteOutbox } from '../outbox/sqlite.ts'
import { lookInto, type SharedOutbox } from '../outbox/of-kind.ts'
import type { OutboxNotice, StoreReport } from '../outbox/outbox.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { DiskFacts, PathFacts, Probes, StoreLook } from './probes.ts'

const TIMEOUT_MS = 5_000
const SYNC_BYTES = 4_096

export interface ProcessFacts {
  readonly nodeVersion: string
  readonly uid: number | null
}

export function systemProbes(runtime: Runtime, { nodeVersion, uid }: ProcessFacts): Probes {
  const { clock } = runtime
  return {
    clock,
    nodeVersion,
    uid,
    stat,
    mayUse,
    list: (folder) => readdirSync(folder),
    disk,
    syncTimesMs: (folder, times) => syncTimes(folder, times, () => clock.monotonicMs()),
    look: (store, siteId) => look(store, siteId, runtime),
    inspect: (path) => checkOutboxFile(path, clock, runtime.random),
    lookup: async (host) => (await dns.lookup(host, { all: true })).map(({ address }) => address),
    handshake: (host, port) => handshake(host, port, runtime),
    dateOf: (url) => dateOf(url, runtime),
    health: ({ siteId, apiKey, region, baseUrl }) =>
      new CustomerIOHealthChecker({
        siteId,
        apiKey,
        region,
        ...(baseUrl === null ? {} : { baseUrl }),
        timeoutMs: TIMEOUT_MS,
        runtime,
      }).check(),
    openFilesMax: () => openFilesOf(readIfAny('/proc/self/limits')),
    memoryMaxBytes: () =>
      memoryOf(readIfAny('/sys/fs/cgroup/memory.max') ?? readIfAny('/sys/fs/cgroup/memory/memory.limit_in_bytes')),
    makeFolder: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
    changeMode: (path, mode) => chmodSync(path, mode),
    remove: (path) => rmSync(path, { force: true }),
    reopen: (path, siteId) => reopen(path, siteId, runtime),
  }
}

function stat(path: string): PathFacts | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  return {
    kind: found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'other',
    mode: found.mode,
    uid: found.uid,
    bytes: found.size,
    modifiedAtMs: found.mtimeMs,
  }
}

function mayUse(path: string): boolean {
  const isFolder = stat(path)?.kind === 'folder'
  try {
    accessSync(path, constants.R_OK | constants.W_OK | (isFolder ? constants.X_OK : 0))
    return true
  } catch {
    return false
  }
}

/** Of the path, or of the nearest folder above that exists. */
function disk(path: string): DiskFacts | undefined {
  let existing = path
  while (stat(existing) === undefined && existing !== dirname(existing)) existing = dirname(existing)
  try {
    const { bavail, bsize, type } = statfsSync(existing)
    return { freeBytes: bavail * bsize, type: type >>> 0 }
  } catch {
    return undefined
  }
}

function syncTimes(folder: string, times: number, nowMs: () => number): readonly number[] {
  const path = join(folder, '.holdfast-doctor')
  const file = openSync(path, 'w', 0o600)
  try {
    return Array.from({ length: times }, () => {
      const fromMs = nowMs()
      writeSync(file, Buffer.alloc(SYNC_BYTES, 1))
      fsyncSync(file)
      return nowMs() - fromMs
    })
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}

function handshake(host: string, port: number, { clock }: Runtime): ReturnType<Probes['handshake']> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername: host })
    const cancel = clock.timer(TIMEOUT_MS, () => socket.destroy(timedOut()), 'held')
    socket.once('secureConnect', () => {
      cancel()
      resolve({ protocol: socket.getProtocol() ?? 'TLS', validTo: socket.getPeerCertificate().valid_to })
      socket.destroy()
    })
    socket.once('error', (error) => {
      cancel()
      reject(error)
    })
  })
}

async function dateOf(url: string, { clock, fetch }: Runtime): Promise<string | null> {
  const controller = new AbortController()
  const cancel = clock.timer(TIMEOUT_MS, () => controller.abort(timedOut()), 'held')
  try {
    const response = await fetch(new Request(url, { method: 'HEAD', redirect: 'manual', signal: controller.signal }))
    return response.headers.get('date')
  } finally {
    cancel()
  }
}

function timedOut(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })
}

async function reopen(path: string, siteId: string, runtime: Runtime): Promise<string> {
  const quarantined: Extract<OutboxNotice, { type: 'quarantined' }>[] = []
  const notice = (said: OutboxNotice): void => void (said.type === 'quarantined' && quarantined.push(said))
  const outbox = await sqliteOutbox({ path })({ runtime, workspace: siteId, notice })
  await outbox.close()
  const [found] = quarantined
  if (found === undefined) return `opened ${path}; nothing had to be set aside`
  const lost = found.lost === null ? 'how many are lost is not known' : `${found.lost} are lost`
  return `saved ${found.recovered} operations of ${path}, ${lost}; the damaged file is ${found.path}`
}

const QUESTIONS = 5

async function look(store: SharedOutbox, workspace: string, runtime: Runtime): Promise<StoreLook> {
  const { clock } = runtime
  let report: StoreReport | null = null
  const notice = (said: OutboxNotice): void => void (said.type === 'store-report' && (report = said.report))
  const outbox = await lookInto(store)({ runtime, workspace, notice })
  try {
    const times: number[] = []
    let { waiting, deadLetters } = await outbox.stats()
    for (let count = 0; count < QUESTIONS; count++) {
      const fromMs = clock.monotonicMs()
      ;({ waiting, deadLetters } = await outbox.stats())
      times.push(clock.monotonicMs() - fromMs)
    }
    times.sort((a, b) => a - b)
    return { report, waiting, deadLetters, answerMs: times[times.length >> 1] ?? 0 }
  } finally {
    await outbox.close()
  }
}

function readIfAny(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** From `/proc/self/limits`: the soft limit. */
export function openFilesOf(limits: string | null): number | null {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? '')?.[1]
  return soft === undefined ? null : soft === 'unlimited' ? Infinity : Number(soft)
}

/** From `memory.max` of cgroup 2, or its forerunner, which says a number that no machine has for none. */
export function memoryOf(text: string | null): number | null {
  const bytes = Number(text?.trim())
  return text === null || !(bytes > 0) || bytes > 2 ** 50 ? null : bytes
}
