/** Waiting with an end. */
import type { Clock } from '../../runtime/clock.ts'

/** Resolves to whether `work` has succeeded within the time; what becomes of it later is nobody's concern. */
export async function within(
  clock: Clock,
  limitMs: number,
  work: Promise<unknown>,
): Promise<'done' | 'late' | { readonly error: unknown }> {
  const { promise, resolve } = Promise.withResolvers<'done' | 'late' | { readonly error: unknown }>()
  const cancel = clock.timer(limitMs, () => setImmediate(() => resolve('late')), 'held')
  work.then(
    () => resolve('done'),
    (error: unknown) => resolve({ error }),
  )
  const how = await promise
  cancel()
  return how
}
