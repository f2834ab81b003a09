/** Runs the program in this process: the only file that touches it. */
import { systemRuntime } from '../runtime/system.ts'
import type { Io, Output } from './io.ts'
import { run } from './program.ts'

function outputOf(stream: NodeJS.WriteStream): Output {
  // A reader that has gone (`holdfast tail | head`) is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return {
    write: (text) => void stream.write(text),
    get isTerminal() {
      return stream.isTTY
    },
    get columns() {
      return stream.columns ?? 80
    },
  }
}

export async function start(): Promise<void> {
  await run(process.argv.slice(2), ioOfProcess())
}

function ioOfProcess(): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    runtime: systemRuntime,
    onSignal(signal, handler) {
      process.on(signal, handler)
      return () => void process.off(signal, handler)
    },
    exitWith(code) {
      process.exitCode = code
    },
  }
}
