/** The program as a process, and a relay's admin API on a real socket. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { type Admin, createAdmin } from '../../src/admin/api.ts'
import { ensureToken } from '../../src/admin/token.ts'
import { listen, type Listening } from '../../src/http/listen.ts'
import { memoryOutbox, ResilientCustomerIO, systemRuntime } from '../../src/index.ts'
import type { RelayListener } from '../../src/observe/relay-events.ts'
import { createSimulator } from '../../src/simulator/index.ts'
import { type Use, using } from '../using.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

interface Place extends AsyncDisposable {
  readonly dataDir: string
  readonly cio: ResilientCustomerIO
  readonly admin: () => Admin
}

function createPlace(): Place {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
  const simulator = createSimulator({ siteId: 'site', apiKey: 'key' })
  const runtime = { ...systemRuntime, fetch: simulator.fetch }
  const cio = new ResilientCustomerIO({ siteId: 'site', apiKey: 'key', runtime, outbox: memoryOutbox() })
  const listeners = new Set<RelayListener>()
  cio.on((event) => listeners.forEach((listener) => listener({ type: 'workspace', workspace: 'shop', event })))
  const relay = {
    workspaces: new Map([['shop', cio]]),
    phase: 'serving' as const,
    on(listener: RelayListener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  return {
    dataDir,
    cio,
    admin: () =>
      createAdmin({ token: ensureToken(dataDir), relay, dataDir, version: '1.2.3', startedAtMs: Date.now(), runtime }),
    async [Symbol.asyncDispose]() {
      await cio.close({ timeoutMs: 0 })
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

interface Process extends AsyncDisposable {
  readonly out: () => string
  readonly err: () => string
  /** Resolves when `text` has been written. */
  readonly says: (text: string, where?: 'out' | 'err') => Promise<void>
  readonly interrupt: () => void
  readonly ended: Promise<number | null>
}

function start(dataDir: string, url: string, ...args: string[]): Process {
  const env = { ...process.env, HOLDFAST_ADMIN_URL: url, HOLDFAST_DATA_DIR: dataDir }
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const written = { out: '', err: '' }
  let look = (): void => {}
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written.out += text
    look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written.err += text
    look()
  })
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    out: () => written.out,
    err: () => written.err,
    says: (text, where = 'out') =>
      new Promise((resolve, reject) => {
        void ended.then(() => reject(new Error(`ended without "${text}": ${written.out}${written.err}`)))
        look = () => {
          if (written[where].includes(text)) resolve()
        }
        look()
      }),
    interrupt: () => void child.kill('SIGINT'),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** @param asked hears of each request */
async function serve(
  use: Use,
  admin: Admin,
  { port = 0, asked = () => {} }: { readonly port?: number; readonly asked?: (url: string) => void } = {},
): Promise<Listening> {
  const handler = (request: Request): Promise<Response> => {
    asked(request.url)
    return admin.fetch(request)
  }
  return use(await listen(handler, { port }))
}

test(
  'the program finds the relay and its token by the data folder, and acts on it',
  using(async (use) => {
    const { admin, dataDir, cio } = use(createPlace())
    const { url } = await serve(use, admin())
    const status = use(start(dataDir, url, 'status'))
    assert.equal(await status.ended, 0, status.err())
    assert.equal((JSON.parse(status.out()) as { verdict: { code: string } }).verdict.code, 'ok')
    const pause = use(start(dataDir, url, 'pause', '--yes', '--reason', 'a test'))
    assert.equal(await pause.ended, 0, pause.err())
    assert.equal((await cio.stats()).paused, true)
    const check = use(start(dataDir, url, 'check'))
    assert.equal(await check.ended, 1)
    assert.match(check.out(), /^WARNING - Paused .*“a test”/)
  }),
)

test(
  'tail outlives a restart of the relay, and ends by an interrupt at once',
  using(async (use) => {
    const { admin, dataDir, cio } = use(createPlace())
    const first = admin()
    const before = await serve(use, first)
    const tail = use(start(dataDir, before.url, 'tail', '--no-json', '--type', 'paused,resumed'))
    // Until it listens, what happens is not seen.
    const toggling = setInterval(() => {
      cio.pause()
      cio.resume()
    }, 20)
    await tail.says('shop  paused')
    clearInterval(toggling)
    first.close()
    await before[Symbol.asyncDispose]()
    await tail.says('has gone', 'err')
    await serve(use, admin(), { port: before.port })
    await tail.says('is back', 'err')
    tail.interrupt()
    assert.equal(await tail.ended, 0)
  }),
)

test(
  'an interrupt ends a tail to which nothing is sent',
  using(async (use) => {
    const { admin, dataDir } = use(createPlace())
    const api = admin()
    const asked = Promise.withResolvers<void>()
    const { url } = await serve(use, api, { asked: (asking) => asking.includes('/events') && asked.resolve() })
    const tail = use(start(dataDir, url, 'tail', '--type', 'phase'))
    await asked.promise
    tail.interrupt()
    assert.equal(await tail.ended, 0)
  }),
)
