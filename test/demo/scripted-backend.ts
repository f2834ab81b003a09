/** A backend that sends nothing: answers even calls, fails those that end in 5, dies of 13, leaves the others open. */
import { serve } from '../../demo/backend/serve.ts'

serve(async () => ({
  async make(_line, n) {
    if (n === 13) {
      process.stderr.write('thirteen is too much\n')
      process.exit(3)
    }
    if (n % 10 === 5) throw new TypeError('five')
    if (n % 2 === 1) await new Promise(() => {})
    return `receipt-${n}`
  },
  finish: async () => ({ waiting: 0, deadLetters: 0 }),
}))
