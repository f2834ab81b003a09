/** The processes that are measured: started as a user starts them, ended by their pid. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface RunningServer {
  readonly url: string
  /** Of the process, from the system, in MB. */
  rssMb(): number
  close(): Promise<void>
  /** As `kill -9` does. */
  kill(): Promise<void>
}

/** As the image has it: V8's four helper threads would take two cores from everything else (docs/operating.md). */
const FEW_HELPERS = '--v8-pool-size=1'
const READY_S_MAX = 60
const LOOK_MS = 5

export const CREDENTIALS = { siteId: 'bench-site', apiKey: 'bench-key' } as const

export function authorization(): string {
  return `Basic ${Buffer.from(`${CREDENTIALS.siteId}:${CREDENTIALS.apiKey}`).toString('base64')}`
}

export function startBare(): Promise<RunningServer> {
  return startAnnounced('./bare.ts')
}

export function startUpstream(): Promise<RunningServer> {
  return startAnnounced('./upstream.ts')
}

/** `holdfast relay` on a data folder; ready when it says that it can store. */
export async function startRelay(
  dataDir: string,
  upstreamUrl: string,
  more: Readonly<Record<string, string>> = {},
): Promise<RunningServer & { readonly readyMs: number }> {
  const [port, adminPort] = await freePorts(2)
  const program = built()
  const startedMs = performance.now()
  const child = spawn(process.execPath, [FEW_HELPERS, program, 'relay'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOLDFAST_SITE_ID: CREDENTIALS.siteId,
      HOLDFAST_API_KEY: CREDENTIALS.apiKey,
      HOLDFAST_BASE_URL: upstreamUrl,
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_LISTEN_PORT: String(port),
      HOLDFAST_ADMIN_PORT: String(adminPort),
      HOLDFAST_LOG_LEVEL: 'warn',
      ...more,
    },
  })
  const url = `http://127.0.0.1:${port}`
  await untilReady(url, child, startedMs)
  return { ...running(url, child), readyMs: performance.now() - startedMs }
}

let isBuilt = false

/** The program as it is published: reading TypeScript would cost the process 40 MB and a part of its start. */
function built(): string {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  if (!isBuilt) execFileSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
  isBuilt = true
  return join(root, 'dist', 'cli', 'main.js')
}

async function untilReady(url: string, child: ChildProcess, startedMs: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the relay ended with ${child.exitCode} before it was ready`)
    if (performance.now() - startedMs > READY_S_MAX * 1_000) throw new Error('the relay did not become ready')
    const ready = await fetch(`${url}/readyz`).then(
      async (answer) => {
        await answer.arrayBuffer()
        return answer.status === 200
      },
      () => false,
    )
    if (ready) return
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

async function startAnnounced(file: string): Promise<RunningServer> {
  const child = spawn(process.execPath, [FEW_HELPERS, fileURLToPath(new URL(file, import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('close', (code) => reject(new Error(`${file} ended with ${code ?? 'a signal'}`)))
  })
  return running((JSON.parse(line) as { readonly url: string }).url, child)
}

/** Whatever becomes of the bench, nothing that it started goes on. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

function running(url: string, child: ChildProcess): RunningServer {
  children.add(child)
  child.once('close', () => children.delete(child))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const endWith = (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    child.kill(signal)
    return closed
  }
  return { url, rssMb: () => rssMbOf(child.pid!), close: () => endWith('SIGTERM'), kill: () => endWith('SIGKILL') }
}

function rssMbOf(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  if (line === null) throw new Error('the system does not tell the size of the process')
  return (Number(line[1]) * 1024) / 1e6
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
