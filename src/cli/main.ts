#!/usr/bin/env node
/** The program `holdfast`: the only file that touches the process it runs in. */
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

const io: Io = {
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

await run(process.argv.slice(2), io)
