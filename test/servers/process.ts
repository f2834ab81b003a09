/** A server program that a test has started: frozen, killed and started again as tests want, and gone when they end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ServerProcess {
  readonly pid: number
  /** Resolves when it has ended. */
  signal(signal: NodeJS.Signals): Promise<void>
  freeze(): void
  thaw(): void
  /** What it has written so far, for the message of an error. */
  output(): string
  readonly ended: Promise<void>
}

export interface ServerProgram {
  readonly command: string
  readonly args: readonly string[]
  /** As whom it runs, where that is not us. */
  readonly uid?: number
  readonly gid?: number
}

/** A server that is reached over its port. */
export interface TestServer {
  readonly port: number
  /** As `kill -9` of all its processes does. */
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Again on the same port and folder. Resolves when it answers, with what it had kept. */
  restart(): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** Ends with the process of the test, whatever becomes of that. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export function startProcess({ command, args, uid, gid }: ServerProgram): ServerProcess {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-10_000)))
  }
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      running.delete(child)
      resolve()
    }
    child.once('error', (error) => {
      output += String(error)
      end()
    })
    child.once('exit', end)
  })
  return {
    pid: child.pid ?? 0,
    signal: (signal) => {
      // A stopped process hears of nothing but of this.
      if (signal !== 'SIGKILL') child.kill('SIGCONT')
      child.kill(signal)
      return ended
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    output: () => output,
    ended,
  }
}

const READY_MS_MAX = 30_000
const LOOK_MS = 20

/** Looks until the server answers. Throws with its output when it ends before that. */
export async function untilReady(server: ServerProcess, answers: () => Promise<boolean>): Promise<void> {
  let hasEnded = false
  void server.ended.then(() => (hasEnded = true))
  const startedMs = performance.now()
  while (!(await answers().catch(() => false))) {
    if (hasEnded) throw new Error(`the server ended: ${server.output()}`)
    if (performance.now() - startedMs > READY_MS_MAX) throw new Error(`the server is not ready: ${server.output()}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

const START_TRIES = 5

/** Somebody else may take a port between the question and the start. */
export async function onFreePort<Server>(start: (port: number) => Promise<Server>): Promise<Server> {
  for (let left = START_TRIES; ; left--) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (left === 1) throw error
    }
  }
}

export interface Folder {
  readonly path: string
  readonly remove: () => void
}

/** @param parent where it lies; a bench needs it on a real disk, which a system's temporary folder need not be. */
export function temporary(name: string, parent: string = tmpdir()): Folder {
  const path = mkdtempSync(join(parent, `holdfast-${name}-`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }) }
}
