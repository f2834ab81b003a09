/** A program's surroundings for tests: what it wrote, how it ended, and signals to send. */
import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'

import type { ExitCode } from '../../src/cli/exit-codes.ts'
import type { Io } from '../../src/cli/io.ts'
import { run } from '../../src/cli/program.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { systemRuntime } from '../../src/runtime/system.ts'

export interface Ran {
  readonly exit: ExitCode
  readonly out: string
  readonly err: string
}

export interface FakeIoOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly isTerminal?: boolean
  readonly runtime?: Runtime
}

export interface Running {
  readonly ended: Promise<Ran>
  /** Resolves once the standard output holds such a text. */
  readonly said: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly signal: (name: string) => void
}

export function start(args: readonly string[], options: FakeIoOptions = {}): Running {
  const signals = new EventEmitter()
  const written = new EventEmitter()
  let exit: ExitCode = 0
  let out = ''
  let err = ''
  const isTerminal = options.isTerminal ?? false
  const io: Io = {
    stdout: {
      write(text) {
        out += text
        written.emit('out')
      },
      isTerminal,
      columns: 100,
    },
    stderr: { write: (text) => void (err += text), isTerminal, columns: 100 },
    stdin: Readable.from([]),
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    runtime: options.runtime ?? systemRuntime,
    onSignal(signal, handler) {
      signals.on(signal, handler)
      return () => void signals.off(signal, handler)
    },
    exitWith: (code) => void (exit = code),
  }
  return {
    ended: run(args, io).then(() => ({ exit, out, err })),
    signal: (name) => void signals.emit(name),
    said: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          const match = pattern.exec(out)
          if (match === null) return
          written.off('out', look)
          resolve(match)
        }
        written.on('out', look)
        look()
      }),
  }
}

export function runCli(args: readonly string[], options: FakeIoOptions = {}): Promise<Ran> {
  return start(args, options).ended
}
