/**
 * An answer's body, piece by piece, up to a signal. The signal of the request alone would not do: a request that is
 * collected meanwhile never hears of its abort, and a stream of events outlives its request by hours.
 */
export async function* chunksOf(
  body: ReadableStream<Uint8Array> | null,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return
  const reader = body.getReader()
  // Ends a read that waits.
  const end = (): void => void reader.cancel().catch(() => {})
  signal?.addEventListener('abort', end, { once: true })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || signal?.aborted === true) return
      yield value
    }
  } finally {
    signal?.removeEventListener('abort', end)
    end()
  }
}
