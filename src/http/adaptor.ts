/**
 * The way from Node's request objects to a `Request`: the package's lightweight one, which reads head and body only as
 * far as it is asked. The one importer of that package; what goes back to the client is written by `write-answer.ts`,
 * for the package's own way of writing tells clients the text of errors.
 */
import { getRequestListener } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface Exchange {
  /** Answers, and never rejects. */
  readonly exchange: (request: Request, incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>
  /** Answers a request whose target makes no URL. */
  readonly unreadable: (incoming: IncomingMessage, outgoing: ServerResponse) => void
}

/** HTTP/1.0 needs no Host; a URL does. */
const HOST_OF_NONE = 'localhost'

export function requestListener(to: Exchange): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  let exchanged: IncomingMessage | undefined
  const listener = getRequestListener(
    async (request, env) => {
      const { incoming, outgoing } = env as { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse }
      exchanged = incoming
      await to.exchange(request, incoming, outgoing)
      return RESPONSE_ALREADY_SENT
    },
    {
      hostname: HOST_OF_NONE,
      // The globals belong to the program that embeds us.
      overrideGlobalObjects: false,
      // What remains of a body is dealt with in `requests.ts`.
      autoCleanupIncoming: false,
      errorHandler: () => undefined,
    },
  )
  return (incoming, outgoing) => {
    void listener(incoming, outgoing)
    // Before the next request of the connection is parsed: there was no `Request` to be made of this one.
    if (exchanged !== incoming) to.unreadable(incoming, outgoing)
    exchanged = undefined
  }
}
