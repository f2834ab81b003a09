/** A signal that aborts at SIGINT or SIGTERM: for commands that go on until somebody ends them. */
import type { Io } from './io.ts'

export async function untilSignal<Result>(io: Io, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController()
  const end = (): void => controller.abort()
  const stops = (['SIGINT', 'SIGTERM'] as const).map((signal) => io.onSignal(signal, end))
  try {
    return await work(controller.signal)
  } finally {
    for (const stop of stops) stop()
  }
}
