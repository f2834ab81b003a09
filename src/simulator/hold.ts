/**
 * Keeps the process alive while a request waits, as the socket of a real request does. The clock's timers do not, so
 * without this a test whose every promise waits on the simulator would end in the middle.
 */
export interface Hold {
  /** Holds until the promise is settled; gives back what it gives. */
  readonly during: <T>(wait: Promise<T>) => Promise<T>
}

/** For virtual time: there nothing real is waited for, and a request that hangs must not hold a process. */
export const NO_HOLD: Hold = { during: (wait) => wait }

/** A message port that is listened to holds the event loop; nothing is ever sent through it. */
export function createHold(): Hold {
  let port: ReturnType<typeof listeningPort> | undefined
  let waiting = 0
  return {
    async during(wait) {
      port ??= listeningPort()
      if (++waiting === 1) port.ref()
      try {
        return await wait
      } finally {
        if (--waiting === 0) port.unref()
      }
    },
  }
}

function listeningPort() {
  const { port1 } = new MessageChannel()
  port1.on('message', () => {})
  return port1
}
