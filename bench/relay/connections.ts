/** Many connections in a process of their own, each of which has sent one request and is quiet since. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface OpenConnections {
  /** How many are still open. */
  alive(): Promise<number>
  close(): void
}

export async function openConnections(url: string, count: number): Promise<OpenConnections> {
  const program = fileURLToPath(new URL('./connections-child.ts', import.meta.url))
  const child = spawn(process.execPath, [program, JSON.stringify({ url, count })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const line = (): Promise<string> =>
    new Promise((resolve, reject) => {
      lines.once('line', resolve)
      child.once('close', (code) => reject(new Error(`the connections ended with ${code ?? 'a signal'}`)))
    })
  const opened = Number(await line())
  if (opened !== count) throw new Error(`${opened} of ${count} connections were answered`)
  return {
    alive() {
      const next = line()
      child.stdin.write('count\n')
      return next.then(Number)
    },
    close() {
      child.removeAllListeners('close')
      child.kill()
    },
  }
}
