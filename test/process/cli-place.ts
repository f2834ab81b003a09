/** A place where somebody works with the program: a folder, a simulator and a relay in processes of their own, commands. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { ArrivedOperation, ArrivedPage } from '../../src/simulator/control.ts'
import { type Use, using } from '../using.ts'

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface CommandProcess extends AsyncDisposable {
  readonly pid: number
  readonly ended: Promise<Ran>
  /** Resolves to the first line of its output. Rejects when it ends without one. */
  readonly firstLine: () => Promise<string>
  /** Whether it has not ended yet. */
  readonly isRunning: () => boolean
}

export interface CliPlace {
  readonly folder: string
  readonly use: Use
  readonly simulatorUrl: string
  /** Everything that has arrived. */
  readonly arrived: () => Promise<readonly ArrivedOperation[]>
  readonly start: (...args: readonly string[]) => CommandProcess
  readonly run: (...args: readonly string[]) => Promise<Ran>
  readonly write: (name: string, text: string) => void
}

/** Nothing of the surroundings reaches a command: no credentials, no address, no folder. */
export function commandIn(cwd: string, args: readonly string[]): CommandProcess {
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
    env: {
      PATH: process.env['PATH'],
      NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
      // Some thirty processes read the same files.
      NODE_COMPILE_CACHE: join(cwd, 'compiled'),
    },
  })
  let out = ''
  let err = ''
  let isRunning = true
  let look = (): void => {}
  child.stdout!.on('data', (bytes: Buffer) => {
    out += bytes.toString()
    look()
  })
  child.stderr!.on('data', (bytes: Buffer) => (err += bytes.toString()))
  const ended = new Promise<Ran>((resolve) =>
    child.once('close', (code) => {
      isRunning = false
      resolve({ code, out, err })
    }),
  )
  return {
    pid: child.pid!,
    ended,
    isRunning: () => isRunning,
    firstLine: () =>
      new Promise((resolve, reject) => {
        look = () => {
          if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')))
        }
        look()
        void ended.then(() => reject(new Error(`ended without a line: ${err}`)))
      }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

export function cliPlace(act: (place: CliPlace) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
    try {
      await using(async (use) => {
        const start = (...args: readonly string[]): CommandProcess => use(commandIn(folder, args))
        const simulator = start('simulate', '--port', '0', '--site-id', 'site', '--api-key', 'key')
        const { listening } = JSON.parse(await simulator.firstLine()) as { readonly listening: string }
        await act({
          folder,
          use,
          simulatorUrl: listening,
          arrived: () => allOf(listening),
          start,
          run: (...args) => start(...args).ended,
          write: (name, text) => writeFileSync(join(folder, name), text),
        })
      })()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

async function allOf(simulator: string): Promise<readonly ArrivedOperation[]> {
  const all: ArrivedOperation[] = []
  for (let after = 0; ;) {
    const answer = await fetch(`${simulator}/__simulator/ledger?value=n&limit=10000&after=${after}`)
    const page = (await answer.json()) as ArrivedPage
    all.push(...page.operations)
    if (page.end) return all
    after = page.after
  }
}
