/**
 * The relay as metrics, logs, health and the admin API see it: its events with those of the sockets in front of it, and its
 * phase, which is `draining` from the first moment of a shutdown although requests are still taken.
 */
import type { RelayEvent, RelayListener, RelayPhase } from '../observe/relay-events.ts'
import type { Relay } from '../relay/index.ts'
import type { RelayClient } from '../relay/relay-client.ts'

export interface RelayView {
  readonly workspaces: ReadonlyMap<string, RelayClient>
  readonly phase: RelayPhase
  on(listener: RelayListener): () => void
  /** An event of a socket. */
  emit(event: RelayEvent): void
  /** From now on nobody shall send more requests here. */
  leave(): void
}

export function createRelayView(relay: Relay): RelayView {
  const listeners = new Set<RelayListener>()
  let isLeaving = false
  const emit = (event: RelayEvent): void => {
    for (const listener of listeners) {
      try {
        listener(event)
      } catch {
        // Its own trouble.
      }
    }
  }
  relay.on(emit)
  return {
    get workspaces() {
      return relay.workspaces
    },
    get phase() {
      return isLeaving && relay.phase !== 'closed' ? 'draining' : relay.phase
    },
    on(listener) {
      const own: RelayListener = (event) => listener(event)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    emit,
    leave() {
      isLeaving = true
    },
  }
}
