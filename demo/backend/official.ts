/**
 * The shop's backend with the official customerio-node, as its users write it: each call is made where the thing
 * happens, and an error that its three retries leave over is logged. Everything is default.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { TrackClient } from 'customerio-node'

import { callMethod, serve } from './serve.ts'

serve(async ({ url, siteId, apiKey }) => {
  const cio = new TrackClient(siteId, apiKey, { url: `${url}/api/v1` })
  const underWay = new Set<Promise<unknown>>()
  return {
    async make(line) {
      const call = callMethod(cio, line)
      underWay.add(call)
      try {
        await call
        return null
      } finally {
        underWay.delete(call)
      }
    },
    async finish(timeoutMs) {
      await Promise.race([Promise.allSettled(underWay), sleep(timeoutMs, undefined, { ref: false })])
      return { waiting: underWay.size, deadLetters: 0 }
    },
  }
})
