/** Messages of channels, on a connection that does nothing else. */
import type { CancelTimer, Clock } from '../../runtime/clock.ts'
import { OPEN_MS_MAX, openClient } from './open-client.ts'
import type { RedisClient, RedisConnection } from './redis-client.ts'
import { failureOf, unavailable } from './redis-failure.ts'

export interface Subscriber {
  subscribe(channel: string, heard: (message: string) => void): Promise<void>
  close(): void
}

const PULSE_MS = 10_000
const SILENCE_MS_MAX = 5_000

export async function openSubscriber(connection: RedisConnection, clock: Clock): Promise<Subscriber> {
  return new RedisSubscriber(await openClient(connection, 'patient', clock), clock)
}

class RedisSubscriber implements Subscriber {
  readonly #client: RedisClient
  readonly #clock: Clock
  readonly #heard = new Map<string, Set<(message: string) => void>>()
  #timer: CancelTimer = () => {}

  constructor(client: RedisClient, clock: Clock) {
    this.#client = client
    this.#clock = clock
    client.on('message', (channel: string, message: string) => {
      for (const heard of this.#heard.get(channel) ?? []) heard(message)
    })
    this.#armPulse()
  }

  async subscribe(channel: string, heard: (message: string) => void): Promise<void> {
    const listeners = this.#heard.get(channel) ?? new Set()
    this.#heard.set(channel, listeners.add(heard))
    try {
      await this.#inTime(this.#client.subscribe(channel))
    } catch (error) {
      listeners.delete(heard)
      throw error
    }
  }

  close(): void {
    this.#timer()
    this.#heard.clear()
    this.#client.disconnect()
  }

  #inTime(answer: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(unavailable(`Redis did not subscribe within ${OPEN_MS_MAX} ms`, false))
      const cancel = this.#clock.timer(OPEN_MS_MAX, () => setImmediate(late), 'held')
      answer.then(
        () => {
          cancel()
          resolve()
        },
        (error: unknown) => {
          cancel()
          reject(failureOf(error, false))
        },
      )
    })
  }

  /** A connection on which nothing is ever sent does not notice that its other end has gone. */
  #armPulse(): void {
    if (this.#client.isCluster) return
    this.#timer = this.#clock.timer(PULSE_MS, () => {
      const drop = (): void => this.#client.disconnect(true)
      const cancel = this.#clock.timer(SILENCE_MS_MAX, () => setImmediate(() => isOpen && drop()))
      let isOpen = true
      const end = (): void => {
        isOpen = false
        cancel()
        this.#armPulse()
      }
      this.#timer = cancel
      this.#client.call('ping', []).then(end, end)
    })
  }
}
