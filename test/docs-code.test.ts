/** Code in the documents compiles: what a reader copies is what the package has. Blocks marked `js` are others' recipes. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What the blocks of a page take for granted: an application around them. */
const SURROUNDINGS = `
import type { TrackClient } from 'customerio-node'
import type { ResilientCustomerIO } from 'holdfast'
import type { CircuitBreaker } from 'holdfast/resilience'

declare global {
  const trackClient: TrackClient
  const cio: ResilientCustomerIO
  const breaker: CircuitBreaker
  const siteId: string
  const apiKey: string
  const url: string
  const signal: AbortSignal
  const order: { readonly id: string; readonly userId: string; readonly total: number }
  const payments: { charge(id: string): Promise<{ readonly id: string }> }
  function send(signal?: AbortSignal): Promise<Response>
  function alert(message: string): void
  const connection: { readonly host: string; readonly port: number }
}
`

const PAGES = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)]

function blocksOf(
  page: string,
): readonly { readonly language: string; readonly line: number; readonly code: string }[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```(ts|js)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1]!,
    line: text.slice(0, match.index).split('\n').length,
    code: match[2]!,
  }))
}

function configuration(): string {
  const compilerOptions = {
    lib: ['es2024', 'esnext.disposable', 'dom'],
    allowJs: true,
    checkJs: false,
    declaration: false,
    isolatedDeclarations: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    noPropertyAccessFromIndexSignature: false,
    typeRoots: ['../../node_modules/@types'],
    paths: {
      holdfast: ['../../src/index.ts'],
      'holdfast/metrics': ['../../src/metrics/index.ts'],
      'holdfast/opentelemetry': ['../../src/opentelemetry/index.ts'],
      'holdfast/outbox/postgres': ['../../src/outbox/postgres.ts'],
      'holdfast/resilience': ['../../src/resilience/index.ts'],
      'holdfast/simulator': ['../../src/simulator/index.ts'],
    },
  }
  return JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*'], exclude: [] })
}

test('every block of code in the documents compiles', () => {
  const parent = join(root, '.tmp')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'docs-'))
  try {
    let ours = 0
    for (const page of PAGES) {
      for (const { language, line, code } of blocksOf(page)) {
        if (language === 'ts') ours++
        // A module, also where it imports nothing, with the page and the line in its name for the compiler's words.
        const name = `${page.replaceAll(/\W/g, '-')}-line-${line}.${language}`
        writeFileSync(join(folder, name), `${code}\nexport {}\n`)
      }
    }
    assert.ok(ours > 10, `${ours} blocks were found`)
    writeFileSync(join(folder, 'surroundings.d.ts'), SURROUNDINGS)
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, 'tsconfig.json'), configuration())
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
