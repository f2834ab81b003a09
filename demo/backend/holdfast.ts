/** The shop's backend with Holdfast: `await`s the receipt, then answers its own caller. Everything else is default. */
import { type HoldfastEvent, type Receipt, ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'
import { callMethod, serve, tell } from './serve.ts'

const CONDITION_EVERY_MS = 200

serve(async ({ url, siteId, apiKey, outboxPath }) => {
  const cio = new ResilientCustomerIO({ siteId, apiKey, baseUrl: url, outbox: sqliteOutbox({ path: outboxPath }) })
  cio.on(report)
  await cio.stats()
  const condition = setInterval(() => void tellCondition(cio), CONDITION_EVERY_MS)
  return {
    // The key is the order number, the session's step, whatever names the deed in the shop's own database: here the line.
    make: async (line, n) => (await callMethod<Receipt>(cio, line, { idempotencyKey: `shop-${n}` })).id,
    async finish(timeoutMs) {
      const { waiting } = await cio.drain({ timeoutMs })
      clearInterval(condition)
      const { deadLetters } = await cio.close()
      return { waiting, deadLetters: deadLetters ?? 0 }
    },
  }
})

async function tellCondition(cio: ResilientCustomerIO): Promise<void> {
  const { role, circuitState, oldestAgeMs } = await cio.health()
  tell({ type: 'condition', role, circuitState, oldestAgeMs })
}

let hasStoodBy = false

function report(event: HoldfastEvent): void {
  if (event.type === 'role' && event.role === 'standby') hasStoodBy = true
  const text = sentenceOf(event)
  if (text !== undefined) tell({ type: 'told', text })
}

function sentenceOf(event: HoldfastEvent): string | undefined {
  switch (event.type) {
    case 'circuit':
      if (event.to === 'closed') return 'the circuit closes: Customer.io answers again'
      return event.to === 'open' && event.from === 'closed'
        ? 'the circuit opens: calls are stored, nothing is sent'
        : undefined
    case 'role':
      if (event.role === 'standby') return 'stores calls, and waits to be sure that the other process is dead'
      return hasStoodBy ? 'takes over the delivery from the outbox' : undefined
    case 'throttled':
      return `slows down to ${Math.round(event.perSecond)} requests a second`
    case 'parked':
      return `stops sending: Customer.io answers ${event.status}`
    case 'dead-letter':
      return `gives up ${event.entries.length} operations`
    case 'quarantined':
      return `sets a damaged file aside, ${event.recovered} operations recovered`
    default:
      return undefined
  }
}
