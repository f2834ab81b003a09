import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import type { AdminStatus, QueuePage, StreamItem } from '../../src/admin/contract.ts'
import { readLine } from '../../src/transfer/ndjson-line.ts'
import { using } from '../using.ts'
import { bury } from '../admin/world.ts'
import { createProgram, type Ran } from './program-world.ts'

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string }
}

const failureOf = ({ err }: Ran): Failure['error'] => (JSON.parse(err.trim().split('\n').at(-1) ?? '') as Failure).error

test(
  'status is the verdict for people, and everything for scripts',
  using(async (use) => {
    const { world, script, person } = use(createProgram({ names: ['shop', 'blog'] }))
    await world.soon(world.workspaces.get('shop')!.track('1', 'a'))
    await world.runtime.clock.advance(10_000)
    const json = (await script('status')).json() as AdminStatus
    assert.deepEqual([json.verdict.code, json.offline, json.workspaces.length], ['ok', null, 2])
    const { out, code } = await person({}, 'status')
    assert.equal(code, 0)
    assert.match(out, /^OK {2}Delivering normally\nrelay 1\.2\.3, serving, up 10 s; 2026-01-01T00:00:10Z\n/)
    assert.match(out, /\nshop +ok +0 +0 +- +0 % +0 +/)
    assert.equal((await person({}, 'status', '--workspace', 'blog')).out.includes('shop'), false)
    assert.match((await person({}, 'status', '--json')).out, /^\{"verdict":/)
    assert.ok((await person({ env: { NO_COLOR: '' } }, 'status')).out.includes('\u001b[32m'))
  }),
)

test(
  'status --watch draws again every two seconds, also without a relay, and ends with an interrupt',
  using(async (use) => {
    const { person, unplug } = use(createProgram())
    let end = (): void => {}
    const { out, code } = await person(
      {
        interrupt: (send) => (end = send),
        wrote(out) {
          const drawn = out.split('\u001b[H').length - 1
          if (drawn === 2) unplug()
          if (drawn === 3) end()
        },
      },
      'status',
      '--watch',
    )
    assert.equal(code, 0)
    const drawn = out.split('\u001b[2J\u001b[3J\u001b[H').slice(1)
    assert.deepEqual(
      drawn.map((text) => text.split('\n')[0]),
      [
        'OK  Delivering normally',
        'OK  Delivering normally',
        'No relay answers at http://127.0.0.1:8485; still looking',
      ],
    )
    assert.match(drawn[0] ?? '', /00:00:00Z/)
    assert.match(drawn[1] ?? '', /00:00:02Z/)
  }),
)

test(
  'the ways in which a relay is not there each have their number',
  using(async (use) => {
    const program = use(createProgram())
    const { script, world, unplug } = program
    const denied = await program.person(
      { env: { HOLDFAST_ADMIN_TOKEN: 'another-token-altogether' } },
      'status',
      '--json',
    )
    assert.deepEqual([denied.code, failureOf(denied).code], [3, 'unauthorized'])
    const unread = await script('status', '--token-file', 'missing')
    assert.deepEqual([unread.code, failureOf(unread).code], [3, 'token-unreadable'])
    const foreign = await script('status', '--url', 'http://relay.example:8485')
    assert.deepEqual([foreign.code, failureOf(foreign).code], [2, 'INVALID_OPTIONS'])
    const other = await script('queue', 'ls', '--workspace', 'other')
    assert.deepEqual([other.code, failureOf(other).code], [2, 'unknown-workspace'])
    await world.soon(world.workspaces.get('shop')!.close({ timeoutMs: 0 }))
    const closed = await script('queue', 'ls')
    assert.deepEqual([closed.code, failureOf(closed).code], [5, 'unavailable'])
    unplug()
    const gone = await script('status')
    assert.deepEqual([gone.code, failureOf(gone).code], [6, 'unreachable'])
    assert.match(failureOf(gone).hint ?? '', /HOLDFAST_ADMIN_URL/)
    assert.equal((await script('status', '--nonsense')).code, 2)
  }),
)

test(
  'queue lists and shows, masked unless it is asked for',
  using(async (use) => {
    const { world, script, person } = use(createProgram({ names: ['shop', 'blog'] }))
    const cio = world.workspaces.get('shop')!
    assert.equal((await person({}, 'queue', 'ls')).out, 'Nothing waits.\n')
    cio.pause()
    for (let index = 0; index < 3; index++) await world.soon(cio.track('ada', 'order', { card: 's3cret' }))
    await world.runtime.clock.advance(90_000)
    const { out } = await person({}, 'queue', 'ls', '--limit', '2')
    const lines = out.trimEnd().split('\n')
    assert.match(lines[0] ?? '', /^ID {24,} +WORKSPACE {2}WHAT {9}PERSON {2}WAITS {2}TRIES {2}PRIORITY$/)
    assert.match(lines[1] ?? '', /^[0-9A-Z]{26} {2}shop {7}event order {2}ada {5}1 min {6}0 {2}live$/)
    assert.match(lines[3] ?? '', /^More: --workspace shop --after \S+$/)
    const { pages } = (await script('queue', 'ls', '--person', 'ada', '--newest')).json() as {
      readonly pages: readonly (QueuePage & { readonly workspace: string })[]
    }
    assert.deepEqual(
      pages.map(({ workspace, operations }) => [workspace, operations.length]),
      [
        ['shop', 3],
        ['blog', 0],
      ],
    )
    const { id } = pages[0]!.operations[0]!
    const shown = await person({}, 'queue', 'show', id)
    assert.match(shown.out, /POST \/api\/v1\/customers\/ada\/events\n/)
    assert.equal(shown.out.includes('s3cret'), false)
    assert.equal((await person({}, 'queue', 'show', id, '--reveal')).out.includes('s3cret'), true)
    assert.deepEqual((await script('queue', 'show', '01ARZ3NDEKTSV4RRFFQ69G5FAV')).code, 1)
    assert.equal((await script('queue', 'ls', '--after', '1')).code, 2)
    assert.equal((await script('queue', 'ls', '--limit', '0')).code, 2)
  }),
)

test(
  'dead letters are listed, grouped and shown',
  using(async (use) => {
    const { world, person } = use(createProgram())
    assert.equal((await person({}, 'dead', 'ls')).out, 'No dead letters.\n')
    await bury(world, 2)
    assert.match((await person({}, 'dead', 'ls')).out, /\n[0-9A-Z]{26} {2}shop .* person-1 .* rejected \(400\)/)
    const { out } = await person({}, 'dead', 'groups')
    const [, row = ''] = out.trimEnd().split('\n')
    assert.match(row, /^ +2 {2}shop +event +rejected \(400\)/)
    const id = /[0-9A-Z]{26}/.exec(row)?.[0] ?? ''
    assert.match((await person({}, 'dead', 'show', id)).out, /\nreason +rejected \(400\)/)
    assert.equal((await person({}, 'dead', 'ls', '--cause', 'expired')).out, 'No dead letters.\n')
    assert.equal((await person({}, 'dead', 'ls', '--cause', 'bad')).code, 2)
  }),
)

const acts: readonly (readonly [string, readonly string[], string | undefined, number, number])[] = [
  ['nothing named', ['dead', 'replay', '--yes'], undefined, 7, 3],
  ['a filter and all', ['dead', 'replay', '--all', '--type', 'event', '--yes'], undefined, 2, 3],
  ['nobody to ask', ['dead', 'replay', '--all'], undefined, 7, 3],
  ['only looking', ['dead', 'replay', '--all', '--dry-run'], undefined, 0, 3],
  ['the answer no', ['dead', 'replay', '--all'], 'n\n', 7, 3],
  ['no answer', ['dead', 'replay', '--all'], '', 7, 3],
  ['a drop with a mere yes', ['dead', 'drop', '--all'], 'y\n', 7, 3],
  ['a drop with another count', ['dead', 'drop', '--all'], '2\n', 7, 3],
  ['an id that is not there', ['dead', 'drop', '01ARZ3NDEKTSV4RRFFQ69G5FAV', '--yes'], undefined, 1, 3],
  ['an empty reason', ['dead', 'drop', '--all', '--yes', '--reason', ''], undefined, 2, 3],
  ['a drop of one person', ['dead', 'drop', '--person', 'person-1', '--yes'], undefined, 0, 2],
  ['a drop with its count', ['dead', 'drop', '--all'], '3\n', 0, 0],
  ['a replay with a yes', ['dead', 'replay', '--cause', 'rejected'], 'yes\n', 0, 0],
  ['a replay with --yes', ['dead', 'replay', '--all', '--yes'], undefined, 0, 0],
]

for (const [name, args, typed, code, left] of acts) {
  test(
    `an act on dead letters: ${name}`,
    using(async (use) => {
      const { world, script, person } = use(createProgram())
      await bury(world, 3)
      const ran = typed === undefined ? await script(...args) : await person({ typed }, ...args)
      assert.equal(ran.code, code, ran.err)
      assert.equal((await world.soon(world.client.dead('shop'))).deadLetters.length, left)
      assert.equal(world.audited.length, left === 3 ? 0 : 1)
    }),
  )
}

test(
  'a reason goes to the audit',
  using(async (use) => {
    const { world, script } = use(createProgram())
    await bury(world, 1)
    await script('dead', 'replay', '--all', '--yes', '--reason', 'the field is mended')
    await script('pause', '--yes', '--reason', 'we wait')
    assert.deepEqual(
      world.audited.map(({ act, reason }) => [act, reason]),
      [
        ['replay', 'the field is mended'],
        ['pause', 'we wait'],
      ],
    )
  }),
)

test(
  'a pause of several workspaces needs a name or --all',
  using(async (use) => {
    const { world, script, person } = use(createProgram({ names: ['shop', 'blog'] }))
    const paused = async (): Promise<readonly boolean[]> => {
      const { workspaces } = await world.soon(world.client.status())
      return workspaces.map(({ health }) => health.paused)
    }
    const refused = await script('pause', '--yes')
    assert.deepEqual([refused.code, failureOf(refused).code], [7, 'needs-all'])
    assert.equal((await script('pause', '--all', '--workspace', 'shop', '--yes')).code, 2)
    assert.equal((await script('pause', '--all')).code, 7)
    assert.equal((await script('pause', '--all', '--dry-run')).code, 0)
    assert.deepEqual(await paused(), [false, false])
    assert.match((await person({ typed: 'y\n' }, 'pause', '-w', 'shop')).out, /^shop: paused; calls are stored\.\n$/)
    assert.deepEqual(await paused(), [true, false])
    assert.match(
      (await person({ typed: 'y\n' }, 'pause', '--all')).out,
      /^shop: was paused already\.\nblog: paused; calls are stored\.\n$/,
    )
    assert.equal((await script('resume', '--all', '--yes')).code, 0)
    assert.deepEqual(await paused(), [false, false])
  }),
)

test(
  'drain ends with 0 when nothing waits, and with 10 and what remains when its time is over',
  using(async (use) => {
    const { world, script, person } = use(createProgram())
    const cio = world.workspaces.get('shop')!
    cio.pause()
    await world.soon(cio.track('1', 'a'))
    const late = await script('drain', '--timeout', '5s')
    assert.equal(late.code, 10)
    assert.deepEqual(late.json(), { drained: false, waiting: { shop: 1 }, tookMs: 5_000 })
    const shown = await person({}, 'drain', '--timeout', '2s')
    assert.match(shown.err, /1 waiting, 1 s/)
    assert.equal(shown.out, '1 operation still waiting after 2 s.\n')
    cio.resume()
    const done = await script('drain')
    assert.deepEqual([done.code, (done.json() as { drained: boolean }).drained], [0, true])
    assert.equal((await script('drain', '--timeout', '5')).code, 2)
  }),
)

test(
  'an export is one request of the Track API a line, whole or not at all',
  using(async (use) => {
    const { world, script } = use(createProgram())
    const cio = world.workspaces.get('shop')!
    await bury(world, 2)
    cio.pause()
    const { id } = await world.soon(cio.identify('7', { email: 'ada@example.com' }))
    const waiting = (await script('export')).json() as Record<string, unknown>
    assert.deepEqual(Object.keys(waiting), ['id', 'acceptedAt', 'workspace', 'method', 'path', 'body'])
    assert.deepEqual([waiting['id'], waiting['method'], waiting['path']], [id, 'PUT', '/api/v1/customers/7'])
    const dead = (await script('dead', 'export', '--person', 'person-1')).json() as { dead: { reason: string } }
    assert.equal(dead.dead.reason, 'rejected')
    for (const line of [waiting, dead]) assert.equal(readLine(JSON.stringify(line), 'shop').ok, true, 'import reads it')
    assert.equal((await script('export', '--from', 'dead', '--out', 'out.ndjson')).code, 0)
    const file = join(world.dataDir, 'out.ndjson')
    assert.equal(readFileSync(file, 'utf8').trimEnd().split('\n').length, 2)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal((await script('export', '--out', 'out.ndjson')).code, 7)
    assert.equal((await script('export', '--out', 'no/such/folder')).code, 1)
    await world.soon(cio.close({ timeoutMs: 0 }))
    assert.equal((await script('export', '--out', 'half.ndjson')).code, 5)
    assert.equal(existsSync(join(world.dataDir, 'half.ndjson.part')), false)
  }),
)

test(
  'tail tells what happens, says when the relay has gone and come back, and ends with an interrupt',
  using(async (use) => {
    const { world, person } = use(createProgram())
    let end = (): void => {}
    world.runtime.clock.timer(100, () => world.workspaces.get('shop')!.pause())
    const { out, code } = await person(
      { interrupt: (send) => (end = send), wrote: () => end() },
      'tail',
      '--type',
      'paused,resumed',
    )
    assert.equal(code, 0)
    assert.equal(out, '00:00:00.100  shop  paused  scope=process\n')
    world.runtime.clock.timer(100, () => world.admin.close())
    let seen = 0
    const lost = await person(
      {
        interrupt: (send) => (end = send),
        wrote: () => {
          if (++seen === 2) end()
        },
      },
      'tail',
      '--json',
    )
    const items = lost.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StreamItem | { readonly kind: 'connection'; readonly state: string })
    assert.deepEqual(
      items.map((item) => item.kind === 'connection' && item.state),
      ['lost', 'back'],
    )
  }),
)

test(
  'tail --person follows what becomes of the operations of one person',
  using(async (use) => {
    const { world, person } = use(createProgram())
    const cio = world.workspaces.get('shop')!
    cio.pause()
    await world.soon(cio.track('ada', 'order'))
    await world.soon(cio.track('bob', 'order'))
    let end = (): void => {}
    world.runtime.clock.timer(5_000, () => cio.resume())
    const { out } = await person(
      { interrupt: (send) => (end = send), wrote: (out) => out.includes('gone') && end() },
      'tail',
      '--person',
      'ada',
    )
    assert.deepEqual(
      out
        .trimEnd()
        .split('\n')
        .map((line) => line.split('  ')[2]),
      ['waiting', 'gone'],
    )
  }),
)

test(
  'check says the level, one line and figures, whoever reads it',
  using(async (use) => {
    const { world, script, person, unplug } = use(createProgram())
    const good = await script('check')
    assert.deepEqual(
      [good.code, good.out],
      [0, 'OK - Delivering normally | waiting=0;;;0 oldest_age=0s;300;900;0 dead=0;;;0 lost=0;;0;0\n'],
    )
    await world.soon(world.client.pause('shop', null))
    assert.equal((await person({}, 'check')).code, 1)
    assert.equal((await script('check', '--warn-age', '5x')).code, 2)
    assert.equal(
      (await person({ env: { HOLDFAST_ADMIN_TOKEN: 'another-token-altogether' } }, 'check')).code,
      3,
      'what cannot be found out is unknown',
    )
    unplug()
    const gone = await script('check')
    assert.deepEqual([gone.code, gone.out], [2, 'CRITICAL - no relay answers at http://127.0.0.1:8485\n'])
  }),
)
