/** Waiting with an end. */
import type { Clock, Hold } from '../../runtime/clock.ts'

/** `late`: it is still under way; what becomes of it is nobody's concern any more. */
export type HowItWent = 'done' | 'late' | { readonly error: unknown }

/** Resolves to what became of `work` within the time. Never rejects. */
export async function within(
  clock: Clock,
  limitMs: number,
  work: Promise<unknown>,
  hold: Hold = 'free',
): Promise<HowItWent> {
  const { promise, resolve } = Promise.withResolvers<HowItWent>()
  const cancel = clock.timer(limitMs, () => setImmediate(() => resolve('late')), hold)
  work.then(
    () => resolve('done'),
    (error: unknown) => resolve({ error }),
  )
  const how = await promise
  cancel()
  return how
}
