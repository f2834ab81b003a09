/**
 * The outbox of a client as a store of `executeIdempotent`. It waits for the outbox to be open, as calls do; when the
 * client closes, it lends no more keys, and what executes under one has time to end and to be remembered.
 */
import { ClosedError } from '../errors.ts'
import type { IdempotencyStore } from '../idempotency/store.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Clock } from '../runtime/clock.ts'

export interface Idempotency {
  readonly store: IdempotencyStore
  /** Resolves when nothing executes any more, after `timeoutMs` at the latest; called again, it can end sooner. */
  close(timeoutMs: number): Promise<void>
}

export function createIdempotency(outbox: () => Promise<Pick<Outbox, 'executions'>>, clock: Clock): Idempotency {
  /** Tokens under which somebody executes. */
  const held = new Set<string>()
  let isClosing = false
  const idle = Promise.withResolvers<void>()

  function ended(token: string): void {
    held.delete(token)
    if (isClosing && held.size === 0) idle.resolve()
  }

  return {
    store: {
      async begin(ask) {
        const { executions } = await outbox()
        if (isClosing) throw new ClosedError()
        held.add(ask.token)
        let isHeld = false
        try {
          const begun = await executions.begin(ask)
          isHeld = begun.state === 'held'
          return begun
        } finally {
          if (!isHeld) ended(ask.token)
        }
      },
      renew: async (ask) => (await outbox()).executions.renew(ask),
      complete: async (ask) => (await outbox()).executions.complete(ask).finally(() => ended(ask.token)),
      abandon: async (ask) => (await outbox()).executions.abandon(ask).finally(() => ended(ask.token)),
    },
    async close(timeoutMs) {
      isClosing = true
      if (held.size === 0) return
      const cancel = clock.timer(timeoutMs, idle.resolve, 'held')
      await idle.promise
      cancel()
    },
  }
}
