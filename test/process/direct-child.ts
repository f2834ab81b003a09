/** A program whose only work is one call in mode `direct`. Started with its input as JSON; prints what became of it. */
import { ResilientCustomerIO, sqliteOutbox } from '../../src/index.ts'

const { path, baseUrl } = JSON.parse(process.argv[2] ?? '') as { readonly path: string; readonly baseUrl: string }
const cio = new ResilientCustomerIO({
  siteId: 'site',
  apiKey: 'key',
  baseUrl,
  mode: 'direct',
  outbox: sqliteOutbox({ path, reserveBytes: 4_096 }),
})
const receipt = await cio.track('42', 'called')
const { deliveredDirectly, waiting } = await cio.stats()
console.log(`${receipt.state} ${deliveredDirectly} ${waiting}`)
await cio.close()
