/** The plain recipe: three retries after waits that double from a second, with full jitter. It knows no 4xx and no limit. */
import type { Deliver, World } from '../arrangement.ts'
import { sendOnce } from '../send-once.ts'

const MAX_RETRIES = 3
const BASE_DELAY_MS = 1_000
const MAX_DELAY_MS = 30_000

export function openProcess({ server }: World): Deliver {
  return async () => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await sendOnce(server)
      } catch (error) {
        if (attempt === MAX_RETRIES) throw error
        const delayMs = Math.random() * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** attempt)
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
  }
}
