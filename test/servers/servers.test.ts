/** The servers of the tests do what the tests say of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Redis } from 'ioredis'
import { Client } from 'pg'

import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'

test('redis keeps what it answered through a kill, and is silent while it is frozen', async () => {
  const server = await startRedis()
  const options = { port: server.port, host: '127.0.0.1', maxRetriesPerRequest: null }
  const client = new Redis(options)
  client.on('error', () => {})
  try {
    await client.set('a', '1')
    await server.kill()
    await server.restart()
    assert.equal(await client.get('a'), '1')
    server.freeze()
    let answered = false
    const late = client.get('a').then(() => (answered = true))
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(answered, false)
    server.thaw()
    await late
  } finally {
    client.disconnect()
    await server.stop()
  }
})

test('postgres keeps what was committed through a kill of all its processes', async () => {
  const server = await startPostgres()
  try {
    const connectionString = await server.database()
    const before = new Client({ connectionString })
    before.on('error', () => {})
    await before.connect()
    await before.query('CREATE TABLE t (a int)')
    await before.query('INSERT INTO t VALUES (7)')
    await server.kill()
    await server.restart()
    const after = new Client({ connectionString })
    await after.connect()
    assert.deepEqual((await after.query('SELECT a FROM t')).rows, [{ a: 7 }])
    await after.end()
  } finally {
    await server.stop()
  }
})
