/** The rules of the layout, as tests: who may import whom, how long a file may be, what the package exports. */
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const src = join(root, 'src')

const contract = ['outbox/outbox.ts', 'outbox/entry.ts']

/** Folder -> what its files may import besides each other and `errors.ts`: folders, single files, packages. */
const table: Readonly<Record<string, { readonly from: readonly string[]; readonly packages: readonly string[] }>> = {
  runtime: { from: [], packages: ['node:crypto'] },
  resilience: { from: ['runtime'], packages: [] },
  protocol: { from: ['runtime'], packages: [] },
  idempotency: { from: ['protocol', 'runtime'], packages: ['node:crypto', 'lru-cache'] },
  outbox: {
    // What `executeIdempotent` asks of a store, and the model of that.
    from: ['protocol', 'runtime', 'idempotency/store.ts', 'idempotency/memory-store.ts'],
    packages: [
      'node:fs',
      'node:os',
      'node:path',
      'node:sqlite',
      'node:worker_threads',
      'node:zlib',
      'node:crypto',
      'node:url',
      'bullmq',
      'ioredis',
      'pg',
    ],
  },
  observe: { from: ['protocol', 'runtime', ...contract], packages: [] },
  delivery: { from: ['protocol', 'resilience', 'observe', 'runtime', ...contract], packages: [] },
  // Of resilience, the one check for numbers in options.
  client: {
    from: ['protocol', 'delivery', 'observe', 'idempotency', 'runtime', 'resilience/check-number.ts', ...contract],
    packages: ['node:crypto'],
  },
  // Sockets: the one way from Node's HTTP servers to fetch handlers.
  http: {
    from: ['runtime'],
    packages: ['@hono/node-server', 'node:http', 'node:https', 'node:net', 'node:tls'],
  },
  simulator: { from: ['protocol', 'runtime', 'http'], packages: [] },
  relay: {
    from: ['client', 'protocol', 'observe', 'http', 'runtime', 'resilient-customer-io.ts', ...contract],
    packages: ['hono', 'node:crypto', 'node:zlib', 'node:stream'],
  },
  // The relay's configuration, from files, the environment and flags to one checked value. Knows no other part.
  // TLS and crypto, for the certificate files that it names are checked with it.
  config: { from: ['runtime'], packages: ['zod', 'yaml', 'node:fs', 'node:path', 'node:tls', 'node:crypto'] },
  metrics: { from: ['observe', 'protocol', 'runtime', ...contract], packages: [] },
  opentelemetry: { from: ['observe', 'metrics', 'protocol', 'runtime', ...contract], packages: ['@opentelemetry/api'] },
  logs: { from: ['observe', 'runtime'], packages: ['pino'] },
  // For operators: an API beside the relay, and its client, which can also look into the file of a relay that is stopped.
  admin: {
    from: ['client', 'observe', 'http', 'protocol', 'runtime', 'resilient-customer-io.ts', 'outbox', 'relay'],
    packages: ['hono', 'node:crypto', 'node:fs', 'node:path', 'node:http'],
  },
  // Files of operations, in and out.
  transfer: {
    from: ['client', 'protocol', 'relay', 'outbox', 'observe', 'runtime', 'resilient-customer-io.ts'],
    packages: ['csv-parse', 'node:fs', 'node:path', 'node:crypto', 'node:stream', 'node:zlib'],
  },
  // A load on a relay, and the comparison with what arrived.
  load: { from: ['protocol', 'runtime', 'simulator'], packages: ['node:http', 'node:https', 'node:crypto'] },
  doctor: {
    from: ['client', 'config', 'outbox', 'observe', 'protocol', 'runtime', 'resilient-customer-io.ts'],
    packages: ['node:fs', 'node:path', 'node:dns', 'node:tls', 'node:os'],
  },
  // The relay as a process: joins configuration, relay, admin API, metrics and logs.
  service: {
    from: [
      'relay',
      'admin',
      'config',
      'metrics',
      'opentelemetry',
      'logs',
      'http',
      'observe',
      'client',
      'outbox',
      'runtime',
    ],
    packages: ['node:fs', 'node:path', 'node:os'],
  },
  cli: {
    from: [
      'service',
      'logs',
      'admin',
      'config',
      'transfer',
      'load',
      'doctor',
      'simulator',
      'outbox',
      'observe',
      'client',
      'protocol',
      'runtime',
      'resilient-customer-io.ts',
    ],
    // `node:readline`: somebody at a terminal is asked before an act.
    packages: ['commander', 'cli-progress', 'node:fs', 'node:path', 'node:url', 'node:os', 'node:readline'],
  },
  testing: { from: ['runtime', 'simulator', 'idempotency/store.ts', ...contract], packages: ['node:assert/strict'] },
}

/** Each of these is imported by one file alone. */
const singleImporter = [
  'node:sqlite',
  '@hono/node-server',
  'lru-cache',
  'yaml',
  'pino',
  'csv-parse',
  'cli-progress',
  '@opentelemetry/api',
  'bullmq',
  'ioredis',
  'pg',
]

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const statements = text.matchAll(/^(?:import|export)\b(?:[^'"()=;]*?\bfrom\s*|\s*)['"]([^'"\n]+)['"]/gm)
  const dynamic = text.matchAll(/\bimport\(\s*['"]([^'"\n]+)['"]/g)
  return [...statements, ...dynamic].map((match) => match[1]!)
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

test('every import of src keeps to the table', () => {
  const wrong: string[] = []
  for (const file of filesOf(src)) {
    const name = relative(src, file)
    const folder = name.includes('/') ? name.split('/')[0]! : ''
    if (folder === '') continue
    const rule = table[folder]
    assert.ok(rule, `src/${folder} is not in the import table`)
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith('.')) {
        const packageName = packageOf(specifier)
        if (!rule.packages.includes(packageName)) wrong.push(`${name} imports ${specifier}`)
        continue
      }
      const target = relative(src, resolve(dirname(file), specifier))
      const allowed =
        target === 'errors.ts' ||
        target.startsWith(`${folder}/`) ||
        rule.from.some((from) => target === from || target.startsWith(`${from}/`))
      if (!allowed) wrong.push(`${name} imports ${target}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('a package that the table guards has one importer', () => {
  for (const name of singleImporter) {
    const importers = filesOf(src).filter((file) => importsOf(file).includes(name))
    assert.ok(importers.length <= 1, `${name} is imported by ${importers.join(', ')}`)
  }
})

test('no file of src, test or bench is longer than 400 lines', () => {
  const long = ['src', 'test', 'bench', 'demo', 'scripts']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => filesOf(join(root, folder)))
    .map((file) => ({ file: relative(root, file), lines: readFileSync(file, 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > 401)
  assert.deepEqual(long, [])
})

test('the checks of this file fail when they should', () => {
  const found = importsOf(fileURLToPath(import.meta.url))
  assert.ok(found.includes('node:test'))
  assert.ok(found.includes('node:assert/strict'))
})

test('every export of the package has its source file', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string>
  }
  for (const target of Object.values(exports)) {
    if (target === './package.json') continue
    const source = target.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts')
    assert.ok(existsSync(join(root, source)), `${target} has no ${source}`)
  }
})
