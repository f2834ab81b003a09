/**
 * A measurement in a process of its own: neither the heap of the side before it nor the code that it made hot is there.
 * The program gets its input as JSON in its first argument and writes its answer as one line of JSON.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export async function measureInChild<Answer>(
  program: URL,
  input: object,
  nodeOptions: readonly string[] = [],
): Promise<Answer> {
  const child = spawn(process.execPath, [...nodeOptions, fileURLToPath(program), JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${fileURLToPath(program)} ended with ${code ?? 'a signal'}`)
  return JSON.parse(output) as Answer
}

/** The input that `measureInChild` gave to this program. */
export function inputOfChild(): unknown {
  return JSON.parse(process.argv[2] ?? '')
}

export function answerOfChild(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
