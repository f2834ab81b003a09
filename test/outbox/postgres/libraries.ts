/** The caller's transaction, as each of the usual libraries has it, and the query of it that an append is given. */
import { execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { PrismaPg } from '@prisma/adapter-pg'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import knexOf from 'knex'
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'

import type { TransactionQuery } from '../../../src/outbox/outbox.ts'
import { temporary } from '../../servers/process.ts'

/** Runs `work` in a transaction of the library; it commits where that resolves, and rolls back where it rejects. */
export interface Library {
  readonly name: string
  transaction<Result>(work: (query: TransactionQuery) => Promise<Result>): Promise<Result>
  end(): Promise<void>
}

type Rows = Awaited<ReturnType<TransactionQuery>>

function pgLibrary(connectionString: string): Library {
  const pool = new Pool({ connectionString })
  return {
    name: 'pg',
    async transaction(work) {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        const result = await work(async (text, values) => (await client.query(text, [...values])).rows)
        await client.query('COMMIT')
        return result
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      } finally {
        client.release()
      }
    },
    end: () => pool.end(),
  }
}

function knexLibrary(connectionString: string): Library {
  const knex = knexOf({ client: 'pg', connection: connectionString })
  return {
    name: 'knex',
    transaction: (work) =>
      knex.transaction((transaction) =>
        work(async (text, values) => {
          // Knex has question marks where Postgres has numbers.
          const { rows } = await transaction.raw<{ rows: Rows }>(
            text.replaceAll(/\$\d+/g, '?'),
            values as readonly never[],
          )
          return rows
        }),
      ),
    end: () => knex.destroy(),
  }
}

function kyselyLibrary(connectionString: string): Library {
  const database = new Kysely<Record<string, never>>({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString }) }),
  })
  return {
    name: 'kysely',
    transaction: (work) =>
      database.transaction().execute((transaction) =>
        work(async (text, values) => {
          const { rows } = await transaction.executeQuery(CompiledQuery.raw(text, [...values]))
          return rows as Rows
        }),
      ),
    end: () => database.destroy(),
  }
}

function drizzleLibrary(connectionString: string): Library {
  const pool = new Pool({ connectionString })
  const database = drizzle(pool)
  return {
    name: 'drizzle',
    transaction: (work) =>
      database.transaction((transaction) =>
        work(async (text, values) => {
          const parts = text.split(/\$\d+/)
          const query = sql.join(parts.flatMap((part, index) => [sql.raw(part), ...valueAt(values, index)]))
          return (await transaction.execute(query)).rows
        }),
      ),
    end: () => pool.end(),
  }
}

function valueAt(values: readonly unknown[], index: number): readonly ReturnType<typeof sql>[] {
  return index < values.length ? [sql`${values[index]}`] : []
}

interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: unknown[]): Promise<unknown>
}

interface PrismaClient {
  $transaction<Result>(work: (transaction: PrismaTransaction) => Promise<Result>): Promise<Result>
  $disconnect(): Promise<void>
}

async function prismaLibrary(connectionString: string): Promise<Library> {
  const { folder, client } = await generatedPrisma(connectionString)
  return {
    name: 'prisma',
    transaction: (work) =>
      client.$transaction((transaction) =>
        work(async (text, values) => (await transaction.$queryRawUnsafe(text, ...values)) as Rows),
      ),
    async end() {
      await client.$disconnect()
      folder.remove()
    },
  }
}

/** A client of Prisma is code that its generator writes. It needs no engine for that, and is kept from fetching one. */
async function generatedPrisma(connectionString: string) {
  const folder = temporary('prisma')
  const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url))
  symlinkSync(modules, join(folder.path, 'node_modules'))
  const schema = `
generator client {
  provider = "prisma-client"
  output   = "./client"
}
datasource db {
  provider = "postgresql"
}
model Sale {
  id Int @id
}
`
  writeFileSync(join(folder.path, 'schema.prisma'), schema)
  writeFileSync(join(folder.path, 'package.json'), '{ "type": "module" }')
  execFileSync(process.execPath, [join(modules, 'prisma/build/index.js'), 'generate'], {
    cwd: folder.path,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
  })
  const path = pathToFileURL(join(folder.path, 'client/client.ts')).href
  const { PrismaClient: Client } = (await import(path)) as {
    PrismaClient: new (options: { adapter: PrismaPg }) => PrismaClient
  }
  return { folder, client: new Client({ adapter: new PrismaPg({ connectionString }) }) }
}

export async function libraries(connectionString: string): Promise<readonly Library[]> {
  return [
    pgLibrary(connectionString),
    knexLibrary(connectionString),
    kyselyLibrary(connectionString),
    drizzleLibrary(connectionString),
    await prismaLibrary(connectionString),
  ]
}
