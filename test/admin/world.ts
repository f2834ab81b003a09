/** Real clients on virtual time, as the workspaces of a relay, with its admin API and the simulator. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Admin, type AdminContext, createAdmin } from '../../src/admin/api.ts'
import { adminClient } from '../../src/admin/client.ts'
import type { AdminClient, AuditEntry } from '../../src/admin/contract.ts'
import type { RelayEvent, RelayListener, RelayPhase } from '../../src/observe/relay-events.ts'
import type { ClientOptions } from '../../src/client/options.ts'
import { memoryOutbox, ResilientCustomerIO } from '../../src/index.ts'
import { createSimulator, type Simulator } from '../../src/simulator/index.ts'
import { createTestRuntime, type TestRuntime } from '../../src/testing/test-runtime.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { settled } from '../virtual-time.ts'

export const TOKEN = 'a-token-for-tests-only'
export const ROOT = 'http://127.0.0.1:8485'

/** With headers as an object only. */
export type AskInit = Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> }

export interface AdminWorld extends AsyncDisposable {
  readonly runtime: TestRuntime
  readonly simulator: Simulator
  readonly workspaces: Map<string, ResilientCustomerIO>
  readonly relay: { phase: RelayPhase; readonly emit: (event: RelayEvent) => void }
  readonly admin: Admin
  readonly client: AdminClient
  readonly audited: AuditEntry[]
  readonly dataDir: string
  /** A request to the API with the token, or with other headers. */
  readonly ask: (path: string, init?: AskInit) => Promise<Response>
  /** Lets time go on until the promise has settled. */
  readonly soon: <T>(promise: Promise<T>) => Promise<T>
}

export interface WorldOptions {
  readonly names?: readonly string[]
  readonly client?: Partial<ClientOptions>
  readonly context?: Partial<AdminContext>
}

export function createAdminWorld({ names = ['shop'], client = {}, context = {} }: WorldOptions = {}): AdminWorld {
  const clock = new VirtualClock()
  const { random } = createTestRuntime({ clock })
  const simulator = createSimulator({ clock, random, siteId: 'site', apiKey: 'key', latencyMs: 20 })
  const runtime = createTestRuntime({ clock, fetch: simulator.fetch })
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-admin-'))
  const listeners = new Set<RelayListener>()
  const emit = (event: RelayEvent): void => listeners.forEach((listener) => listener(event))
  const workspaces = new Map<string, ResilientCustomerIO>()
  for (const name of names) {
    const cio = new ResilientCustomerIO({ siteId: 'site', apiKey: 'key', runtime, outbox: memoryOutbox(), ...client })
    cio.on((event) => emit({ type: 'workspace', workspace: name, event }))
    workspaces.set(name, cio)
  }
  const relay = {
    workspaces,
    phase: 'serving' as RelayPhase,
    emit,
    on(listener: RelayListener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const audited: AuditEntry[] = []
  const admin = createAdmin({
    token: TOKEN,
    relay,
    dataDir,
    version: '1.2.3',
    startedAtMs: clock.wallMs(),
    runtime,
    audit: (entry) => void audited.push(entry),
    failed: (error) => console.error(error),
    ...context,
  })
  const soon = <T>(promise: Promise<T>): Promise<T> => settled(promise, clock)
  return {
    runtime,
    simulator,
    workspaces,
    relay,
    admin,
    client: adminClient({ url: ROOT, token: TOKEN, fetch: (request) => admin.fetch(request), clock }),
    audited,
    dataDir,
    ask: (path, init = {}) =>
      admin.fetch(
        new Request(`${ROOT}/admin/v1${path}`, {
          ...init,
          headers: { authorization: `Bearer ${TOKEN}`, ...init.headers },
        }),
      ),
    soon,
    async [Symbol.asyncDispose]() {
      admin.close()
      for (const cio of workspaces.values()) await soon(cio.close({ timeoutMs: 0 }))
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Makes dead letters: calls that the simulator refuses on their merits. */
export async function bury(world: AdminWorld, count: number, workspace = 'shop'): Promise<void> {
  const cio = world.workspaces.get(workspace)!
  const before = (await world.soon(cio.stats())).deadLetters
  const fault = world.simulator.faults.add({ kind: 'items', item: () => true, field: 'data.total' })
  for (let index = 0; index < count; index++) {
    await world.soon(cio.track(`person-${index}`, 'order', { secret: 's3cret', index }))
  }
  while ((await world.soon(cio.stats())).deadLetters < before + count) await world.runtime.clock.advance(100)
  fault.remove()
}
