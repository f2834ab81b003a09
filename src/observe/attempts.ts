/** What the newest attempts say: when one went well, when one failed, how long they take. A subscriber like any other. */
import type { Events } from './events.ts'

const SAMPLES = 64

export interface Attempts {
  /** Wall times. */
  readonly lastSuccess: number | null
  readonly lastFailure: number | null
  /** Median of the newest answered attempts. */
  latencyMs(): number | null
}

export function watchAttempts(events: Events, wallMs: () => number): Attempts {
  const samples: number[] = []
  let next = 0
  let lastSuccess: number | null = null
  let lastFailure: number | null = null

  events.on((event) => {
    if (event.type !== 'request') return
    if (event.outcome === 'aborted') return
    if (event.status !== null) {
      samples[next] = event.durationMs
      next = (next + 1) % SAMPLES
    }
    const isGood = event.status !== null && event.status >= 200 && event.status < 300
    if (isGood) lastSuccess = wallMs()
    else lastFailure = wallMs()
  })

  return {
    get lastSuccess() {
      return lastSuccess
    },
    get lastFailure() {
      return lastFailure
    },
    latencyMs() {
      const sorted = samples.toSorted((a, b) => a - b)
      return sorted[sorted.length >> 1] ?? null
    },
  }
}
