/** A real relay: `holdfast relay` in a process of its own, whose log the test reads. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export type Line = Readonly<Record<string, unknown>> & { readonly event: string }

export interface RelayProcess extends AsyncDisposable {
  readonly pid: number
  readonly lines: readonly Line[]
  /** Resolves to the first line of this kind, also one that was there before. Rejects when the process ends without it. */
  saw(event: string, after?: number): Promise<Line>
  /** Resolves when it takes requests: where. */
  ready(): Promise<{ readonly url: string; readonly adminUrl: string; readonly opsUrl: string }>
  signal(name: NodeJS.Signals): void
  /** Nobody reads the log any more. */
  closeLog(): void
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly errors: string }>
}

export interface RelayInput {
  readonly dataDir: string
  /** The root of a Customer.io. */
  readonly baseUrl?: string
  readonly env?: Readonly<Record<string, string>>
  readonly flags?: readonly string[]
  readonly cwd?: string
}

/** Everything but ports and the folder is as a user has it who sets the credentials alone. */
export function startRelay(input: RelayInput): RelayProcess {
  const { dataDir, baseUrl, env = {}, flags = [], cwd } = input
  const child = spawn(process.execPath, [program, 'relay', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    env: {
      PATH: process.env['PATH'],
      NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
      HOLDFAST_SITE_ID: 'site',
      HOLDFAST_API_KEY: 'secret-key',
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_LISTEN_PORT: '0',
      HOLDFAST_ADMIN_PORT: '0',
      HOLDFAST_OPS_PORT: '0',
      ...(baseUrl === undefined ? {} : { HOLDFAST_BASE_URL: baseUrl }),
      ...env,
    },
  })
  return attend(child)
}

/** All that it knows stands in a configuration file. */
export function startConfigured(config: string, cwd: string): RelayProcess {
  const child = spawn(process.execPath, [program, 'relay', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
    env: { PATH: process.env['PATH'], NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
  })
  return attend(child)
}

function attend(child: ChildProcess): RelayProcess {
  const lines: Line[] = []
  const watchers = new Set<() => void>()
  let errors = ''
  createInterface({ input: child.stdout! }).on('line', (text) => {
    lines.push(JSON.parse(text) as Line)
    for (const watch of watchers) watch()
  })
  child.stderr!.on('data', (bytes: Buffer) => (errors += bytes.toString()))
  const ended = new Promise<{ code: number | null; signal: string | null; errors: string }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, errors })),
  )
  const saw = (event: string, after = 0): Promise<Line> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        const line = lines.slice(after).find((one) => one.event === event)
        if (line === undefined) return
        watchers.delete(watch)
        resolve(line)
      }
      watchers.add(watch)
      watch()
      void ended.then(() => reject(new Error(`ended before it wrote ${event}: ${errors} ${JSON.stringify(lines)}`)))
    })
  return {
    pid: child.pid!,
    lines,
    saw,
    async ready() {
      await saw('started')
      const url = (listener: string): string =>
        String(lines.find((line) => line.event === 'listening' && line['listener'] === listener)?.['url'])
      return { url: url('intake'), adminUrl: url('admin'), opsUrl: url('ops') }
    },
    signal: (name) => void child.kill(name),
    closeLog: () => void child.stdout!.destroy(),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
