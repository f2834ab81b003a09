/** SQLite outboxes on virtual time in a temporary folder, for the tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { CancelTimer, Clock } from '../../../src/runtime/clock.ts'
import type { Outbox, OutboxNotice } from '../../../src/outbox/outbox.ts'
import { openInlineSqliteOutbox } from '../../../src/outbox/sqlite/inline.ts'
import type { SqliteOutboxOptions } from '../../../src/outbox/sqlite/options.ts'
import type { OutboxHandle, OutboxUnderTest } from '../../../src/testing/outbox-conformance.ts'
import { createTestRuntime, type TestRuntime } from '../../../src/testing/test-runtime.ts'

export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export interface InlineScene extends OutboxUnderTest {
  readonly path: string
  readonly runtime: TestRuntime
  readonly open: (options?: Partial<SqliteOutboxOptions>, workspace?: string) => Promise<OutboxHandle>
}

/** `os`: what these tests are about does not need the disk to turn. */
export function inlineScene(defaults: Partial<SqliteOutboxOptions> = {}): InlineScene {
  const folder = temporaryFolder()
  const path = join(folder.path, 'outbox.db')
  const runtime = createTestRuntime()
  const outboxes: Outbox[] = []
  return {
    path,
    runtime,
    async open(options = {}, workspace = 'test') {
      const notices: OutboxNotice[] = []
      const clock = new MortalClock(runtime.clock)
      const open = openInlineSqliteOutbox({ path, durability: 'os', reserveBytes: 0, ...defaults, ...options })
      const outbox = await open({ runtime: { ...runtime, clock }, workspace, notice: (notice) => notices.push(notice) })
      outboxes.push(outbox)
      return { outbox, notices, kill: () => clock.die() }
    },
    advance: (byMs) => runtime.clock.advance(byMs),
    wallMs: () => runtime.clock.wallMs(),
    jumpWallMs: (byMs) => runtime.clock.jumpWallMs(byMs),
    async dispose() {
      for (const outbox of outboxes) await outbox.close()
      folder.remove()
    },
  }
}

/** The clock of one process, whose timers end with it. */
export class MortalClock implements Clock {
  readonly #clock: Clock
  #dead = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  die(): void {
    this.#dead = true
  }

  wallMs(): number {
    return this.#clock.wallMs()
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  timer(delayMs: number, fire: () => void): CancelTimer {
    return this.#clock.timer(delayMs, () => {
      if (!this.#dead) fire()
    })
  }
}
