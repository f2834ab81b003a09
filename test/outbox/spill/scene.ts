/** Outboxes with a spill on virtual time: the memory outbox as the remote one, which can be away, and a file without a thread. */
import assert from 'node:assert/strict'
import { join } from 'node:path'

import { OutboxError } from '../../../src/errors.ts'
import { memoryOutbox } from '../../../src/outbox/memory.ts'
import type { OutboxLimits } from '../../../src/outbox/limits.ts'
import type { ListedEntry, OpenOutbox, Outbox, OutboxContext, OutboxNotice } from '../../../src/outbox/outbox.ts'
import { openSpilling } from '../../../src/outbox/spill/outbox.ts'
import { openInlineSqliteOutbox } from '../../../src/outbox/sqlite/inline.ts'
import type { SqliteOutboxOptions } from '../../../src/outbox/sqlite/options.ts'
import { createTestRuntime, type TestRuntime } from '../../../src/testing/test-runtime.ts'
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { settled } from '../../virtual-time.ts'
import { MortalClock, temporaryFolder } from '../sqlite/scene.ts'

/**
 * What happens to a call of the remote outbox. `refused`: nothing is done. `lost`: it is done, and the answer does not come.
 * `late`: the answer does not come, and it
 * is done later all the same. `slow`: it is done after a while, and the answer comes.
 */
export type Fate = 'well' | 'refused' | 'lost' | 'late' | 'slow'

const TIMEOUT_MS = 200
const SLOW_MS = 50
const LATE_MS = 1_500

/** What a call of the network meets, from one moment to the next. */
export class Network {
  readonly #clock: VirtualClock
  /** Asked for each call. */
  fate: (call: string) => Fate = () => 'well'
  calls: string[] = []

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  async carry<Answer>(call: string, run: () => Promise<Answer>): Promise<Answer> {
    this.calls.push(call)
    const fate = this.fate(call)
    if (fate === 'well') return run()
    if (fate === 'refused') throw new OutboxError('OUTBOX_UNAVAILABLE', 'connection refused')
    if (fate === 'slow') {
      await this.#pass(SLOW_MS)
      return run()
    }
    if (fate === 'lost') await run()
    else
      void this.#pass(LATE_MS)
        .then(run)
        .catch(() => {})
    await this.#pass(TIMEOUT_MS)
    throw new OutboxError('OUTBOX_UNAVAILABLE', 'no answer', { mayBeStored: call === 'append' })
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.timer(ms, resolve))
  }
}

/** The same outbox behind that network. */
export function behind(network: Network, open: OpenOutbox): OpenOutbox {
  return async (context) => {
    const outbox = await network.carry('open', () => open(context))
    return carried(outbox, (call, run) => network.carry(call, run))
  }
}

type Carry = (call: string, run: () => Promise<unknown>) => Promise<unknown>

/** The same outbox, each call of which is made by `carry`. */
function carried<Target extends Outbox>(outbox: Target, carry: Carry): Target {
  return new Proxy(outbox, {
    get(target, name: keyof Outbox) {
      const member = target[name]
      if (typeof member !== 'function') return member
      const method = member.bind(target) as (...args: unknown[]) => Promise<unknown>
      if (name === 'close' || name === 'tell') return method
      return (...args: unknown[]) => carry(name, () => method(...args))
    },
  })
}

/** A process, as far as it can be dead: then nothing is done for it and nothing is answered any more. */
class Life {
  #isOver = false

  end(): void {
    this.#isOver = true
  }

  async carry<Answer>(_call: string, run: () => Promise<Answer>): Promise<Answer> {
    if (this.#isOver) return never()
    try {
      const answer = await run()
      return this.#isOver ? await never() : answer
    } catch (error) {
      if (this.#isOver) return never()
      throw error
    }
  }

  opener<Opened extends Outbox>(open: (context: OutboxContext) => Promise<Opened>): typeof open {
    return async (context) => {
      const opened = await this.carry('open', () => open(context))
      return carried(opened, (call, run) => this.carry(call, run))
    }
  }
}

/** As a file with a thread: appends gather for a while before they are done, and answers take their time. */
async function slowly(call: string, run: () => Promise<unknown>, ms: number, clock: VirtualClock): Promise<unknown> {
  const pass = (): Promise<void> => new Promise((resolve) => clock.timer(ms, resolve))
  if (call === 'append') await pass()
  const answer = await run()
  await pass()
  return answer
}

function never(): Promise<never> {
  return new Promise(() => {})
}

export interface SpillHandle {
  readonly outbox: Outbox
  readonly notices: OutboxNotice[]
  /** As the death of its process: its timers end, and nobody hears of it any more. */
  readonly kill: () => void
}

export interface SpillScene {
  readonly runtime: TestRuntime
  readonly network: Network
  /** The remote outbox, past the network. */
  readonly remote: Outbox
  /** @param file which file; each name is one. */
  readonly open: (options?: SpillSceneOptions) => Promise<SpillHandle>
  readonly openFile: (file?: string) => Promise<Outbox>
  readonly dispose: () => Promise<void>
}

export interface SpillSceneOptions {
  readonly file?: string
  readonly onOutage?: 'hold' | 'deliver'
  readonly deliverAfterMs?: number
  readonly limits?: Partial<SqliteOutboxOptions>
  readonly openRemote?: OpenOutbox
  /** How long the file takes for an answer. */
  readonly diskMs?: number
  /** What the file answers instead of what was asked. */
  readonly diskError?: (call: string) => Error | undefined
}

export async function spillScene(limits: OutboxLimits = {}): Promise<SpillScene> {
  const folder = temporaryFolder()
  const runtime = createTestRuntime()
  const network = new Network(runtime.clock)
  const openRemote = memoryOutbox({ ...limits, deliver: 'all' })
  const remote = await openRemote({ runtime, workspace: 'test', notice: () => {} })
  const living = new Set<Outbox>()
  const files: Outbox[] = []
  const local = (file: string, options: Partial<SqliteOutboxOptions> = {}): ReturnType<typeof openInlineSqliteOutbox> =>
    openInlineSqliteOutbox({ path: join(folder.path, file), durability: 'os', reserveBytes: 0, ...options })
  return {
    runtime,
    network,
    remote,
    async open({ file = 'spill.db', onOutage = 'hold', deliverAfterMs = 60_000, ...options } = {}) {
      const notices: OutboxNotice[] = []
      const clock = new MortalClock(runtime.clock)
      const life = new Life()
      const open = openSpilling({
        remote: life.opener(behind(network, options.openRemote ?? openRemote)),
        local: life.opener(async (context) => {
          const opened = await local(file, options.limits)(context)
          files.push(opened)
          const { diskMs = 0, diskError } = options
          if (diskMs > 0) return carried(opened, (call, run) => slowly(call, run, diskMs, runtime.clock))
          return carried(opened, async (call, run) => {
            const error = diskError?.(call)
            if (error !== undefined) throw error
            return run()
          })
        }),
        onOutage,
        deliverAfterMs,
      })
      const notice = (each: OutboxNotice): void => void notices.push(each)
      const outbox = await open({ runtime: { ...runtime, clock }, workspace: 'test', notice })
      living.add(outbox)
      const kill = (): void => {
        clock.die()
        life.end()
        living.delete(outbox)
      }
      return { outbox, notices, kill }
    },
    async openFile(file = 'spill.db') {
      const outbox = await local(file)({ runtime, workspace: 'test', notice: () => {} })
      files.push(outbox)
      return outbox
    },
    async dispose() {
      for (const outbox of living) await settled(outbox.close(), runtime.clock)
      for (const file of files) await file.close()
      await remote.close()
      folder.remove()
    },
  }
}

export function inScene(run: (scene: SpillScene) => Promise<void>, limits: OutboxLimits = {}): () => Promise<void> {
  return async () => {
    const scene = await spillScene(limits)
    try {
      await run(scene)
    } finally {
      scene.network.fate = () => 'well'
      await scene.dispose()
    }
  }
}

/** Moves time until nothing is spilled any more. */
export async function drained(outbox: Outbox, clock: Pick<VirtualClock, 'advance'>): Promise<void> {
  for (let look = 0; (await settled(outbox.stats(), clock)).spilled > 0; look++) {
    assert.ok(look < 1_000, 'the spill does not drain')
    await clock.advance(100)
  }
  await clock.advance(100)
}

export async function waitingIn(outbox: Outbox): Promise<readonly ListedEntry[]> {
  const all: ListedEntry[] = []
  for (let after: string | null | undefined; after !== null;) {
    const query = { from: 'waiting', limit: 1_000 } as const
    const page = await outbox.list(after === undefined ? query : { ...query, after })
    all.push(...page.entries)
    after = page.after
  }
  return all
}

export async function idsIn(outbox: Outbox): Promise<readonly string[]> {
  return (await waitingIn(outbox)).map(({ id }) => id)
}

/** What was told of the spill, in words. */
export function spillsOf(notices: readonly OutboxNotice[]): readonly string[] {
  return notices.flatMap((notice) =>
    notice.type === 'spill' ? [`${notice.state} ${notice.code} ${notice.waiting}`] : [],
  )
}
