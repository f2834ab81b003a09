/** The SQLite outbox in the caller's own thread: for simulations on virtual time. It blocks while it writes. */
import { isHoldfastError } from '../../errors.ts'
import { assert } from '../../runtime/assert.ts'
import { OutboxError } from '../../errors.ts'
import type { OpenOutbox, Outbox } from '../outbox.ts'
import type { SqliteCore } from './core.ts'
import { openCore } from './open-core.ts'
import { resolveSqliteOptions, type SqliteOutboxOptions } from './options.ts'
import { finish } from './steps.ts'

/** As `sqliteOutbox`, without its thread. */
export function openInlineSqliteOutbox(options: SqliteOutboxOptions): OpenOutbox {
  const resolved = resolveSqliteOptions(options)
  return (context) => answer(() => inlineOutbox(openCore(resolved, context), resolved.path))
}

function inlineOutbox(core: SqliteCore, path: string): Outbox {
  let isClosed = false
  const ask = <Result>(question: () => Result): Promise<Result> =>
    answer(() => {
      if (isClosed) throw new OutboxError('OUTBOX_CLOSED', 'the outbox is closed', { path })
      return question()
    })
  return {
    append: (entries) =>
      ask(() => {
        const [result] = core.commit([entries], []).appended
        assert(result !== undefined, 'a call has an answer')
        if (isHoldfastError(result)) throw result
        return result
      }),
    claim: (want) => ask(() => core.claim(want)),
    renew: (leases, leaseMs) => ask(() => core.renew(leases, leaseMs)),
    settle: (settlements) => ask(() => core.settle(settlements)),
    stats: () => ask(() => finish(core.stats())),
    lookup: (positions) => ask(() => core.lookup(positions)),
    list: (query) => ask(() => finish(core.list(query))),
    resolveDead: (selection, how) => ask(() => finish(core.resolveDead(selection, how))),
    purge: (lane) => ask(() => finish(core.purge(lane))),
    close: () =>
      answer(() => {
        isClosed = true
        core.close()
      }),
  }
}

/** As a promise, also what it throws. */
function answer<Result>(question: () => Result): Promise<Result> {
  return new Promise((resolve) => resolve(question()))
}
