/** The program with what it touches in the test's hands, asking the admin API of a world on virtual time. */
import { PassThrough } from 'node:stream'

import type { ExitCode } from '../../src/cli/exit-codes.ts'
import type { Io } from '../../src/cli/io.ts'
import { run } from '../../src/cli/program.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { type AdminWorld, createAdminWorld, TOKEN, type WorldOptions } from '../admin/world.ts'

export interface Ran {
  readonly out: string
  readonly err: string
  readonly code: ExitCode
  /** Of the whole of stdout. */
  readonly json: () => unknown
}

export interface Terminal {
  /** Somebody looks, and types this. */
  readonly typed?: string
  readonly env?: Readonly<Record<string, string>>
  /** Called with the handler of each SIGINT that the command listens for. */
  readonly interrupt?: (send: () => void) => void
  /** Called with all that was written so far, at each write to stdout. */
  readonly wrote?: (out: string) => void
}

export interface Program extends AsyncDisposable {
  readonly world: AdminWorld
  /** With stdout no terminal: what scripts get. */
  readonly script: (...args: string[]) => Promise<Ran>
  /** What somebody at a terminal gets. */
  readonly person: (terminal: Terminal, ...args: string[]) => Promise<Ran>
  /** Nobody listens at the address of the relay any more. */
  readonly unplug: () => void
}

export function createProgram(options: WorldOptions = {}): Program {
  const world = createAdminWorld(options)
  let plugged = true
  const runtime: Runtime = {
    ...world.runtime,
    fetch: (request) =>
      plugged
        ? world.admin.fetch(request)
        : Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })),
  }
  const start = (terminal: Terminal | undefined, args: readonly string[]): Promise<Ran> =>
    world.soon(runProgram(runtime, world.dataDir, terminal, args))
  return {
    world,
    script: (...args) => start(undefined, args),
    person: (terminal, ...args) => start(terminal, args),
    unplug: () => void (plugged = false),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}

export async function runProgram(
  runtime: Runtime,
  dataDir: string,
  terminal: Terminal | undefined,
  args: readonly string[],
): Promise<Ran> {
  let out = ''
  let err = ''
  let code: ExitCode = 0
  const isTerminal = terminal !== undefined
  const stdin = Object.assign(new PassThrough(), { isTTY: terminal?.typed !== undefined })
  stdin.end(terminal?.typed)
  const io: Io = {
    stdout: {
      isTerminal,
      columns: 120,
      write(text) {
        out += text
        terminal?.wrote?.(out)
      },
    },
    stderr: { isTerminal, columns: 120, write: (text) => void (err += text) },
    stdin,
    env: { HOLDFAST_ADMIN_TOKEN: TOKEN, HOLDFAST_DATA_DIR: dataDir, NO_COLOR: '1', ...terminal?.env },
    cwd: dataDir,
    runtime,
    onSignal(signal, handler) {
      if (signal === 'SIGINT') terminal?.interrupt?.(handler)
      return () => {}
    },
    exitWith: (number) => void (code = number),
  }
  await run(args, io)
  return { out, err, code, json: () => JSON.parse(out) as unknown }
}
