/** A child process of a world, and what it has said so far. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const FINISH_MS_MAX = 30_000

export interface WorldProcess {
  /** How often it has said this line. */
  times(line: string): number
  say(line: string): void
  signal(signal: NodeJS.Signals): void
  /** As `kill -9` does. Resolves when it is gone. */
  kill(): Promise<void>
  /** Ends its standard input, and resolves when it has ended by itself. */
  finish(): Promise<void>
}

/** @param failed called when it ends by itself before it was told to, or not well */
export function startProcess(program: URL, input: object, failed: (why: Error) => void): WorldProcess {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    process.execPath,
    [fileURLToPath(program), JSON.stringify(input)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  // Standard input of a process that is killed breaks; that is no news.
  child.stdin.on('error', () => {})
  const said = new Map<string, number>()
  createInterface({ input: child.stdout }).on('line', (line) => said.set(line, (said.get(line) ?? 0) + 1))
  let state: 'running' | 'killed' | 'finishing' = 'running'
  const ended = new Promise<void>((resolve) =>
    child.once('close', (code, signal) => {
      const isWell = state === 'killed' || (state === 'finishing' && code === 0)
      if (!isWell) failed(new Error(`${fileURLToPath(program)} ended with ${code ?? signal}`))
      resolve()
    }),
  )
  return {
    times: (line) => said.get(line) ?? 0,
    say: (line) => void child.stdin.write(`${line}\n`),
    signal: (signal) => void child.kill(signal),
    kill: () => {
      state = 'killed'
      child.kill('SIGKILL')
      return ended
    },
    finish: () => {
      if (state === 'running') state = 'finishing'
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), FINISH_MS_MAX)
      return ended.finally(() => clearTimeout(timer))
    },
  }
}
