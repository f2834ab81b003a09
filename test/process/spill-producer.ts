/** Processes that append to an outbox with a spill. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./spill-child.ts', import.meta.url))

export interface Producer {
  readonly receipts: number[]
  readonly spills: string[]
  readonly kill: () => Promise<void>
}

export function startProducer(input: object): Producer {
  const child: ChildProcess = spawn(process.execPath, [program, JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [receipts, spills]: [number[], string[]] = [[], []]
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const [kind, ...words] = line.split(' ')
    if (kind === 'receipt') receipts.push(...words.map(Number))
    else spills.push(line)
  })
  return {
    receipts,
    spills,
    kill: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve())
        child.kill('SIGKILL')
      }),
  }
}
