/** The breaker and the life of its process: it holds none open, and lets none end while a caller waits for a probe. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Run {
  readonly status: number | null
  readonly out: string
}

function run(program: string): Run {
  const script = `import { BreakerRegistry, CircuitBreaker } from './src/resilience/index.ts'\n${program}`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status, out: stdout + stderr }
}

test('a process with open circuits, listeners and isolations ends by itself at once', () => {
  const { status, out } = run(`
    const start = performance.now()
    process.on('exit', () => console.log(performance.now() - start < 10_000 ? 'soon' : 'late'))
    const breakers = new BreakerRegistry({ failureThreshold: 1, timeout: 3_600_000 })
    for (let key = 0; key < 100; key++) {
      const breaker = breakers.get(String(key))
      breaker.subscribe(() => {})
      await breaker.tryExecute(() => Promise.reject(new Error('down')), { signal: new AbortController().signal })
      breaker.isolate()
    }
    console.log(breakers.get('0').state, process.getActiveResourcesInfo().includes('Timeout'))
  `)
  assert.deepEqual([status, out], [0, 'open false\nsoon\n'])
})

test('a process whose only work is a probe that hangs lives until the probe has had its time', () => {
  const { status, out } = run(`
    const breaker = new CircuitBreaker({ failureThreshold: 1, timeout: 1e-9, probeTimeoutMs: 50 })
    await breaker.tryExecute(() => Promise.reject(new Error('down')))
    const { reason } = await breaker.tryExecute(() => new Promise(() => {}))
    console.log(reason)
  `)
  assert.deepEqual([status, out], [0, 'timed-out\n'])
})
