/** How long something still takes, by how fast it went in the newest seconds. */
export interface TimeLeft {
  /** In words: `12s`, `3m 05s`; `-` where nothing is known, or nothing moved. */
  at(nowMs: number, done: number, total: number): string
}

const SPAN_MS = 10_000
const SAMPLES_MAX = 100

export function createTimeLeft(): TimeLeft {
  const samples: { readonly ms: number; readonly done: number }[] = []
  return {
    at(nowMs, done, total) {
      const newest = samples.at(-1)
      if (newest === undefined || nowMs - newest.ms >= SPAN_MS / SAMPLES_MAX) samples.push({ ms: nowMs, done })
      while (samples.length > 1 && nowMs - samples[0]!.ms > SPAN_MS) samples.shift()
      const first = samples[0]!
      const perMs = (done - first.done) / (nowMs - first.ms)
      return perMs > 0 ? worded((total - done) / perMs) : '-'
    },
  }
}

function worded(ms: number): string {
  const seconds = Math.ceil(ms / 1_000)
  const pad = (number: number): string => String(number).padStart(2, '0')
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`
  return `${Math.floor(seconds / 3_600)}h ${pad(Math.floor((seconds % 3_600) / 60))}m`
}
