/**
 * The shop's backend with the official customerio-node, as its users write it: each call is made where the thing
 * happens, and an error that its three retries leave over is logged. Everything is default.
 */
import { TrackClient } from 'customerio-node'

import { callMethod, serve } from './serve.ts'

const LOOK_EVERY_MS = 25

serve(async ({ url, siteId, apiKey }) => {
  const cio = new TrackClient(siteId, apiKey, { url: `${url}/api/v1` })
  let underWay = 0
  return {
    async make(line) {
      underWay++
      try {
        await callMethod(cio, line)
        return null
      } finally {
        underWay--
      }
    },
    async finish(timeoutMs) {
      const endMs = performance.now() + timeoutMs
      while (underWay > 0 && performance.now() < endMs) await new Promise((next) => setTimeout(next, LOOK_EVERY_MS))
      return { waiting: underWay, deadLetters: 0 }
    },
  }
})
