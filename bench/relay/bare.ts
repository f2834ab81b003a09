/** The other side: Hono on Node, which parses the JSON and answers `{}`. Nothing is checked, nothing is kept. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const app = new Hono()
app.all('*', async (context) => {
  await context.req.json()
  return context.json({})
})
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`)
})
process.once('SIGTERM', () => server.close(() => process.exit(0)))
