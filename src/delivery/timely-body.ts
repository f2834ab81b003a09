/**
 * The body of a request that is given out whole only while its attempt may still go. Between `fetch` and the socket lies the
 * way through a connection that may have to be made first. A process that is frozen there, and goes on after its leases
 * have ended, would send what others have sent long ago, and undo what they have sent since: its connections come back to
 * it before its timers do.
 */

/**
 * `fetch` asks for the first piece before it has a connection, and for the second when it has written the first. Without
 * the second the request is broken, and nothing of it is done.
 */
const FIRST_BYTES = 1

/** @param check throws when it is too late; called when the connection has taken the first byte */
export function timelyBody(
  bytes: Uint8Array<ArrayBuffer>,
  check: () => void,
): { readonly body: ReadableStream<Uint8Array<ArrayBuffer>>; readonly duplex: 'half' } {
  let given = 0
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        if (given === 0 && bytes.byteLength > FIRST_BYTES) {
          controller.enqueue(bytes.subarray(0, FIRST_BYTES))
          given = FIRST_BYTES
          return
        }
        check()
        controller.enqueue(bytes.subarray(given))
        controller.close()
      },
    },
    // It is asked for when it is wanted, not before.
    { highWaterMark: 0 },
  )
  return { body, duplex: 'half' }
}
