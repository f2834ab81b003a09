/** Options, migrations, and what stands in the way of opening. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'

import { Pool } from 'pg'

import { OptionsError, OutboxError } from '../../../src/errors.ts'
import {
  migratePostgres,
  postgresOutbox,
  printMigrations,
  type PostgresOutboxOptions,
} from '../../../src/outbox/postgres.ts'
import { entry, idsOf } from '../../../src/testing/outbox-conformance/scene.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { startPostgres, type PostgresServer } from '../../servers/postgres.ts'
import { until } from '../../until.ts'
import { migrated, newSchema, open } from './scene.ts'

let server: PostgresServer
let pool: Pool

before(async () => {
  server = await startPostgres({ max_connections: '200' })
  pool = new Pool({ connectionString: server.connectionString })
})
after(async () => {
  await pool.end()
  await server.stop()
})

const everything = { entriesMax: 1_000, bytesMax: 1_000_000, leaseMs: 60_000 }

test('options that cannot be meant are refused at once, by their names, and no secret is repeated', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['pool', {}],
    ['pool', { pool: new Pool(), connectionString: 'postgres://user:secret@host/db' }],
    ['pool', { pool: 'postgres://user:secret@host/db' }],
    ['connectionString', { connectionString: 'mysql://user:secret@host/db' }],
    ['poolSize', { pool: new Pool(), poolSize: 3 }],
    ['poolSize', { connectionString: 'postgres://host/db', poolSize: 1 }],
    ['schema', { pool: new Pool(), schema: 'a"b' }],
    ['schema', { pool: new Pool(), schema: 'pg_outbox' }],
    ['listen', { pool: new Pool(), listen: 'yes' }],
    ['requireDurability', { pool: new Pool(), requireDurability: 1 }],
    ['statementTimeoutMs', { pool: new Pool(), statementTimeoutMs: 0 }],
    ['connectionTimeoutMs', { pool: new Pool(), connectionTimeoutMs: 1.5 }],
    ['maxOperations', { pool: new Pool(), maxOperations: 0 }],
  ]
  for (const [field, options] of cases) {
    assert.throws(
      () => postgresOutbox(options as PostgresOutboxOptions),
      (error) => error instanceof OptionsError && error.field === field && !error.message.includes('secret'),
      field,
    )
  }
  assert.throws(() => printMigrations({ schema: '' }), OptionsError)
})

test('without its tables it does not open, and says what makes them', async () => {
  await assert.rejects(open({ pool, schema: newSchema() }), (error) => {
    assert.ok(error instanceof OutboxError)
    assert.equal(error.code, 'OUTBOX_UNAVAILABLE')
    assert.match(error.message, /holdfast migrate/)
    return true
  })
})

test('without the package pg a connection string is refused, with what to install; a pool needs none', () => {
  const script = `
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve(name, context, next) {
        if (name !== 'pg') return next(name, context)
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
      },
    })
    const { migratePostgres } = await import('./src/outbox/postgres.ts')
    const failed = await migratePostgres({ connectionString: 'postgres://127.0.0.1:1/x' }).catch((error) => error)
    const pool = { connect: async () => { throw new Error('refused') } }
    const tried = await migratePostgres({ pool }).catch((error) => error)
    console.log([failed.code, failed.message, tried.code].join(' | '))`
  const root = new URL('../../../', import.meta.url)
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
  })
  const [code, message, ofPool] = stdout.trim().split(' | ')
  assert.equal(code, 'INVALID_OPTIONS', stderr)
  assert.match(message ?? '', /npm install pg/)
  assert.equal(ofPool, 'OUTBOX_UNAVAILABLE')
})

test('tables of a later version are not touched', async () => {
  const { pool: own, schema } = await migrated(server.connectionString)
  await own.query(`INSERT INTO ${schema}.versions VALUES (99)`)
  const newer = (error: unknown): boolean => error instanceof OutboxError && error.code === 'OUTBOX_NEWER_VERSION'
  await assert.rejects(open({ pool: own, schema }), newer)
  await assert.rejects(migratePostgres({ pool: own, schema }), newer)
  await own.end()
})

test('a schema belongs to the workspace that opened it first', async () => {
  const { pool: own, schema } = await migrated(server.connectionString)
  const { outbox } = await open({ pool: own, schema }, 'first')
  await assert.rejects(
    open({ pool: own, schema }, 'second'),
    (error) => error instanceof OutboxError && /another workspace/.test(error.message),
  )
  await outbox.close()
  await (await open({ pool: own, schema }, 'first')).outbox.close()
  await own.end()
})

test('migrations may be run by several processes at once, again, and over what is stored', async () => {
  const schema = newSchema()
  const migrations = await Promise.all(
    Array.from({ length: 6 }, () => migratePostgres({ connectionString: server.connectionString, schema })),
  )
  assert.equal(migrations.filter(({ before: found }) => found === null).length >= 1, true)
  const { outbox } = await open({ pool, schema })
  await outbox.append([entry('1')])
  assert.deepEqual(await migratePostgres({ pool, schema }), { before: 1 })
  await pool.query(`BEGIN; ${printMigrations({ schema })}; COMMIT`)
  assert.deepEqual(idsOf(await outbox.claim(everything)), ['1'])
  await outbox.close()
})

test('the printed SQL makes what the function makes', async () => {
  const [printed, made] = [newSchema(), newSchema()]
  await pool.query(printMigrations({ schema: printed }))
  await migratePostgres({ pool, schema: made })
  const of = async (schema: string): Promise<unknown> => {
    const { rows } = await pool.query(
      `SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = $1 ORDER BY 1, 2`,
      [schema],
    )
    const { rows: functions } = await pool.query(
      `SELECT p.proname, replace(pg_get_functiondef(p.oid), $1, '') AS text FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 ORDER BY 1`,
      [schema],
    )
    return { rows, functions: functions.map((each: { proname: string }) => each.proname) }
  }
  assert.deepEqual(await of(printed), await of(made))
  assert.equal(((await of(printed)) as { rows: unknown[] }).rows.length > 50, true)
})

test('a server that may lose what it confirmed is reported, and refused where that was asked for', async () => {
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
  const risky = await startPostgres(settings)
  const { pool: own, schema } = await migrated(risky.connectionString)
  const { outbox, notices } = await open({ pool: own, schema })
  const report = notices.find((notice) => notice.type === 'store-report')?.report
  assert.match(report?.server ?? '', /^postgres \d+\.\d+$/)
  assert.deepEqual(
    report?.risks.map((risk) => risk.split(' ')[0]),
    ['fsync', 'full_page_writes', 'synchronous_commit'],
  )
  await outbox.close()
  await assert.rejects(open({ pool: own, schema, requireDurability: true }), /may lose/)
  await own.end()
  await risky.stop()

  const safe = await migrated(server.connectionString)
  const opened = await open({ ...safe, requireDurability: true })
  assert.deepEqual(opened.notices.find((notice) => notice.type === 'store-report')?.report.risks, [])
  await opened.outbox.close()
  await safe.pool.end()
})

test('with LISTEN another handle hears of an append, a hint and a pause without looking', async () => {
  const { pool: own, schema } = await migrated(server.connectionString)
  // Of the handle that hears, the timers of its looks never fire.
  const { clock } = systemRuntime
  const timer: Clock['timer'] = (delayMs, fire, hold) => (delayMs === 500 ? () => {} : clock.timer(delayMs, fire, hold))
  const blind: Runtime = {
    ...systemRuntime,
    clock: { wallMs: () => clock.wallMs(), monotonicMs: () => clock.monotonicMs(), timer },
  }
  const first = await open({ pool: own, schema, listen: true })
  const second = await open({ connectionString: server.connectionString, schema, listen: true }, 'test', blind)
  const listeners = async (): Promise<readonly number[]> => {
    const { rows } = await own.query(`SELECT pid FROM pg_stat_activity WHERE query = $1`, [
      `LISTEN "holdfast ${schema}"`,
    ])
    return rows.map(({ pid }: { pid: number }) => pid)
  }
  await until(async () => (await listeners()).length === 2)
  await first.outbox.append([entry('1')])
  first.outbox.tell({ kind: 'well' })
  await first.outbox.setPaused({ who: 'ada', why: '', atMs: 1 })
  for (const type of ['appended', 'hint', 'paused'] as const) {
    await until(() => second.notices.some((notice) => notice.type === type))
  }
  // A connection that breaks is made again.
  const before_ = await listeners()
  for (const pid of before_) await own.query('SELECT pg_terminate_backend($1)', [pid])
  await until(async () => (await listeners()).filter((pid) => !before_.includes(pid)).length === 2)
  await first.outbox.close()
  await second.outbox.close()
  assert.deepEqual(await listeners(), [])
  await own.end()
})
