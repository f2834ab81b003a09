import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import type { Result } from '../../demo/result.ts'

const main = fileURLToPath(new URL('../../demo/main.ts', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Sends SIGINT, and another one as a script in between does, as soon as the demo has said `breakAt`. */
function demo(args: readonly string[], breakAt?: string): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    let isBroken = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (isBroken || breakAt === undefined || !stdout.includes(breakAt)) return
      isBroken = true
      child.kill('SIGINT')
      setTimeout(() => child.kill('SIGINT'), 1)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

test(
  'the demo in its short form keeps every promise, and shows what is lost without',
  { timeout: 90_000 },
  async () => {
    const { code, stdout, stderr } = await demo(['--fast', '--json'])
    const result = JSON.parse(stdout) as Result
    assert.deepEqual(result.broken, [], stderr)
    assert.equal(code, 0)
    const { holdfast, official, lines, notMade } = result
    assert.equal(holdfast.calls, lines - notMade)
    assert.equal(official.calls, holdfast.calls)
    assert.equal(holdfast.accepted, holdfast.calls)
    assert.equal(holdfast.delivered, holdfast.accepted)
    assert.equal(holdfast.arrived, holdfast.accepted)
    assert.equal(holdfast.campaignWindow.inside, holdfast.campaignWindow.events)
    assert.ok(notMade > 0, 'some calls fell into the time in which both were dead')
    assert.ok(official.lost > 0, 'the outage is long enough to lose calls without an outbox')
    assert.equal(official.arrived + official.lost, official.calls)
    assert.equal(official.succeeded + official.failed + official.gone, official.calls)
    assert.match(
      result.timeline.map(({ text }) => text).join('\n'),
      /is down[^]*kill -9[^]*run again[^]*is back[^]*delivered/,
    )
  },
)

// Words of the timeline, each with its spaces, so that the head of the show is not meant.
for (const moment of ['  opens', '  kill -9', '  closes']) {
  test(
    `a demo that is broken off at "${moment.trim()}" ends soon and without a word`,
    { timeout: 20_000 },
    async () => {
      const { code, stdout, stderr } = await demo(['--fast'], moment)
      assert.deepEqual({ code, stderr }, { code: 130, stderr: '' })
      assert.ok(!stdout.includes('delivered everything'))
    },
  )
}

test('an option that is not known ends it before it begins', async () => {
  const { code, stdout, stderr } = await demo(['--slow'])
  assert.equal(code, 2)
  assert.equal(stdout, '')
  assert.match(stderr, /--slow[^]*npm run demo/)
})
