/**
 * The body of a request that is given out only while its attempt may still go. Between `fetch` and the socket lies the way
 * through a connection that may have to be made first. A process that is frozen there, and goes on after its leases have
 * ended, would send what others have sent long ago, and undo what they have sent since: its connections come back to it
 * before its timers do.
 */

/** @param check throws when it is too late; called when the connection asks for the body, before anything is written */
export function timelyBody(
  bytes: Uint8Array<ArrayBuffer>,
  check: () => void,
): { readonly body: ReadableStream<Uint8Array<ArrayBuffer>>; readonly duplex: 'half' } {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        check()
        controller.enqueue(bytes)
        controller.close()
      },
    },
    // It is asked for when it is wanted, not before.
    { highWaterMark: 0 },
  )
  return { body, duplex: 'half' }
}
