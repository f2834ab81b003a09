/** Customer.io, as far as it costs little: it takes everything, remembers nothing, and answers after 20 ms. */
import { createSimulator } from '../../src/simulator/index.ts'

const simulator = createSimulator({ latencyMs: 20, ledger: false, state: false, strict: false })
const server = await simulator.listen()
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`)
process.once('SIGTERM', () => void server.close().then(() => process.exit(0)))
