/** A relay that is killed when a request is stored and not answered yet. Started with its input as JSON. */
import { sqliteOutbox } from '../../src/index.ts'
import { createRelay } from '../../src/relay/index.ts'
import { requestOf } from '../relay/world.ts'

interface ChildInput {
  readonly path: string
  readonly baseUrl: string
  readonly line: string
  readonly body: unknown
}

const { path, baseUrl, line, body } = JSON.parse(process.argv[2] ?? '') as ChildInput
const relay = createRelay({
  workspaces: [{ name: 'shop', client: { siteId: 'site', apiKey: 'key', baseUrl, outbox: sqliteOutbox({ path }) } }],
})
relay.on((event) => {
  if (event.type === 'workspace' && event.event.type === 'accepted') process.kill(process.pid, 'SIGKILL')
})
await relay.fetch(requestOf(line, { body }))
// Not reached: it is stored, and nobody was told.
process.exitCode = 1
