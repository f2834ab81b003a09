/** A file that is not as it was left: never a silent empty outbox, never a silent skip. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { isHoldfastError } from '../../../src/errors.ts'
import type { Outbox, OutboxNotice } from '../../../src/outbox/outbox.ts'
import { crowd, entry, idsOf, Scene } from '../../../src/testing/outbox-conformance/scene.ts'
import { inlineScene, type InlineScene } from './scene.ts'

const PAGE = 4_096
const ROWS = 400

function inScene(run: (scene: InlineScene) => Promise<void>): () => Promise<void> {
  return async () => {
    const scene = inlineScene()
    try {
      await run(scene)
    } finally {
      await scene.dispose()
    }
  }
}

const ids = Array.from({ length: ROWS }, (_, index) => `e${index}`)

/** 400 entries over some 80 pages in lanes of their own, one dead letter and one delivered one; closed. */
async function filled(store: InlineScene): Promise<void> {
  const handle = await store.open()
  const scene = new Scene(store, store.open, handle)
  await scene.append(entry('dead'), entry('delivered', { lanes: ['b'] }))
  const claim = await scene.claim()
  await scene.settle(claim, { to: 'dead', reason: 'rejected' }, ({ id }) => id === 'dead')
  await scene.settle(claim, { to: 'delivered' }, ({ id }) => id === 'delivered')
  await scene.append(...crowd('e', ROWS, { body: `{"v":1,"call":"${'x'.repeat(700)}"}` }))
  await handle.outbox.close()
}

/** Writes over a part of a file. */
function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const content = readFileSync(path)
  content.set(bytes, at)
  writeFileSync(path, content)
}

function quarantine(notices: readonly OutboxNotice[]): Extract<OutboxNotice, { type: 'quarantined' }> {
  const notice = notices.find((each) => each.type === 'quarantined')
  assert.ok(notice?.type === 'quarantined', 'it was said')
  return notice
}

async function drained(store: InlineScene, outbox: Outbox): Promise<readonly string[]> {
  return new Scene(store, store.open, { outbox, notices: [], kill: () => {} }).drain()
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isHoldfastError(error), String(error))
    assert.equal(error.code, expected, error.message)
    return true
  }
}

/** Opens what was filled and then damaged, and checks what every rescue must give. Gives what was recovered. */
async function rescued(store: InlineScene): Promise<{ readonly recovered: number; readonly ids: readonly string[] }> {
  const { outbox, notices } = await store.open()
  const { path, recovered, lost } = quarantine(notices)
  assert.equal(path, `${store.path}.damaged-1`)
  assert.ok(existsSync(path), 'the damaged file is kept')
  const stats = await outbox.stats()
  assert.equal(stats.waiting + stats.deadLetters, recovered)
  if (lost !== null) {
    assert.equal(recovered + lost, ROWS + 1, 'what is lost is known')
    assert.equal(stats.lost, lost, 'and stays in the account')
  }
  const got = await drained(store, outbox)
  assert.deepEqual(
    got,
    ids.filter((id) => got.includes(id)),
    'in order, and each once',
  )
  await outbox.append([entry('after')])
  assert.deepEqual(await drained(store, outbox), ['after'])
  assert.deepEqual(
    readdirSync(dirname(store.path)).filter((name) => /rescue|mended/.test(name)),
    [],
    'nothing is left lying about',
  )
  return { recovered, ids: got }
}

test(
  'a file that is not a database is set aside, and a new outbox begun',
  inScene(async (store) => {
    writeFileSync(store.path, 'this is text, and a lot of it. '.repeat(1_000))
    const { outbox, notices } = await store.open()
    assert.deepEqual(quarantine(notices), {
      type: 'quarantined',
      path: `${store.path}.damaged-1`,
      recovered: 0,
      lost: null,
    })
    assert.match(readFileSync(`${store.path}.damaged-1`, 'utf8'), /^this is text/)
    await outbox.append([entry('x')])
    assert.deepEqual(await drained(store, outbox), ['x'])
  }),
)

test(
  'an empty file is a new outbox, with nothing to report',
  inScene(async (store) => {
    writeFileSync(store.path, '')
    const { outbox, notices } = await store.open()
    assert.deepEqual(notices, [{ type: 'role', role: 'active' }])
    await outbox.append([entry('x')])
  }),
)

for (const [what, page] of [
  ['overwritten with noise', Buffer.alloc(PAGE, 'noise')],
  ['overwritten with zeros', Buffer.alloc(PAGE)],
] as const) {
  test(
    `a first page that was ${what} costs nothing: everything is recovered`,
    inScene(async (store) => {
      await filled(store)
      overwrite(store.path, 0, page)
      const { recovered, ids: got } = await rescued(store)
      assert.equal(recovered, ROWS + 1)
      assert.deepEqual(got, ids)
    }),
  )
}

test(
  'of a file cut off in the middle the first part is recovered, and the number of lost ones is known',
  inScene(async (store) => {
    await filled(store)
    truncateSync(store.path, Math.floor(statSync(store.path).size / 2 / PAGE) * PAGE)
    const { recovered } = await rescued(store)
    assert.ok(recovered > 100 && recovered < ROWS, `${recovered} of ${ROWS}`)
  }),
)

test(
  'of a file cut off within a page all whole pages are recovered',
  inScene(async (store) => {
    await filled(store)
    truncateSync(store.path, statSync(store.path).size - 1_000)
    const { recovered } = await rescued(store)
    assert.ok(recovered > ROWS - 20, `${recovered} of ${ROWS}`)
  }),
)

test(
  'a page overwritten in the middle is met by a claim, which says so; the next one goes on with all that can be read',
  inScene(async (store) => {
    await filled(store)
    const pages = statSync(store.path).size / PAGE
    overwrite(store.path, Math.floor(pages / 2) * PAGE, Buffer.alloc(PAGE, 0xaa))
    const { outbox, notices } = await store.open()
    assert.deepEqual(notices, [{ type: 'role', role: 'active' }], 'opening does not read all of it')
    const scene = new Scene(store, store.open, { outbox, notices, kill: () => {} })
    await assert.rejects(scene.claim(), code('OUTBOX_DAMAGED'))
    assert.deepEqual(notices.at(-1), { type: 'role', role: 'standby' }, 'its leases have lapsed')
    const got = await scene.drain()
    const { recovered, lost } = quarantine(notices)
    assert.ok(lost !== null && lost > 0 && lost < 10, `${lost} lost`)
    assert.equal(recovered + lost, ROWS + 1)
    assert.equal(got.length, ROWS - lost)
    assert.deepEqual(
      got,
      ids.filter((id) => got.includes(id)),
    )
    assert.equal((await outbox.stats()).lost, lost)
  }),
)

test(
  'damage that is met while open is refused from then on where the options say so, and nothing is moved',
  inScene(async (store) => {
    await filled(store)
    overwrite(store.path, Math.floor(statSync(store.path).size / PAGE / 2) * PAGE, Buffer.alloc(PAGE, 0xaa))
    const { outbox } = await store.open({ onDamage: 'refuse' })
    const scene = new Scene(store, store.open, { outbox, notices: [], kill: () => {} })
    await assert.rejects(scene.claim(), code('OUTBOX_DAMAGED'))
    await assert.rejects(scene.append(entry('x')), code('OUTBOX_DAMAGED'))
    assert.ok(!existsSync(`${store.path}.damaged-1`))
  }),
)

test(
  'a stored entry with one bit turned becomes a dead letter with its bytes kept, and its lane goes on',
  inScene(async (store) => {
    const first = await store.open()
    const [result] = await first.outbox.append([entry('x', { body: 'the body of x' }), entry('y')])
    await first.outbox.close()
    const at = readFileSync(store.path).indexOf('the body of x')
    overwrite(store.path, at, Buffer.from('The'))
    const { outbox, notices } = await store.open()
    const scene = new Scene(store, store.open, { outbox, notices, kill: () => {} })
    assert.deepEqual(await scene.drain(), ['y'])
    assert.deepEqual(notices.at(-1), { type: 'damaged-entry', position: result!.position })
    const [letter] = (await outbox.list({ from: 'dead', limit: 10 })).entries
    assert.equal(letter?.body, 'The body of x')
    assert.equal(letter.dead?.reason, 'damaged')
    assert.equal(await outbox.resolveDead({ all: true }, 'replay'), 0, 'what it was is not known')
    assert.equal(await outbox.resolveDead({ all: true }, 'drop'), 1)
    await scene.checkAccount()
  }),
)

test(
  'a number in a stored entry that nobody can have written is damage like any other',
  inScene(async (store) => {
    const first = await store.open()
    await first.outbox.append([entry('x'), entry('y', { lanes: ['b'] })])
    await first.outbox.close()
    const database = new DatabaseSync(store.path)
    database.exec("UPDATE entry SET accepted_at = 9007199254740993 WHERE id = 'x'")
    database.close()
    const { outbox, notices } = await store.open()
    const scene = new Scene(store, store.open, { outbox, notices, kill: () => {} })
    await assert.rejects(scene.claim(), code('OUTBOX_DAMAGED'))
    assert.deepEqual(await scene.drain(), ['y'])
    assert.equal(quarantine(notices).lost, 1)
  }),
)

for (const [what, damage] of [
  ['emptied', (path: string) => truncateSync(path, 0)],
  ['deleted', (path: string) => rmSync(path)],
] as const) {
  test(
    `a file that was ${what} while its log stayed is recovered from the log`,
    inScene(async (store) => {
      const first = await store.open()
      await first.outbox.append(crowd('e', 50))
      // A second connection, killed, keeps the log from being written into the file.
      const log = readFileSync(`${store.path}-wal`)
      const file = readFileSync(store.path)
      await first.outbox.close()
      writeFileSync(`${store.path}-wal`, log)
      writeFileSync(store.path, file)
      damage(store.path)
      const { outbox, notices } = await store.open()
      assert.equal(quarantine(notices).recovered, 50)
      assert.equal((await drained(store, outbox)).length, 50)
    }),
  )
}

test(
  'a file whose tables are gone is damaged, not new',
  inScene(async (store) => {
    await filled(store)
    const database = new DatabaseSync(store.path)
    database.exec('DROP TABLE known_key; DELETE FROM state')
    database.close()
    const { outbox, notices } = await store.open()
    assert.deepEqual([quarantine(notices).recovered, quarantine(notices).lost], [ROWS + 1, null])
    const [again] = await outbox.append([entry('new', { lanes: ['new'] })])
    assert.ok(Number(again!.position) > 100_000, 'no sequence is given a second time')
    assert.deepEqual(await outbox.lookup(['2']), [{ state: 'unknown' }], 'what became of it is not known any more')
  }),
)

test(
  'a second damaged file does not take the place of the first',
  inScene(async (store) => {
    for (const number of [1, 2]) {
      writeFileSync(store.path, `no database ${number} `.repeat(100))
      const { outbox, notices } = await store.open()
      assert.equal(quarantine(notices).path, `${store.path}.damaged-${number}`)
      await outbox.close()
    }
    assert.match(readFileSync(`${store.path}.damaged-1`, 'utf8'), /^no database 1/)
  }),
)

test(
  'a rescue that was cut short at any of its steps is done again or finished, and loses nothing',
  inScene(async (store) => {
    await filled(store)
    const good = readFileSync(store.path)
    const bad = Buffer.from(good)
    bad.fill(0, 0, PAGE)
    // Died while it filled the new file: the damaged one still stands at the path.
    writeFileSync(store.path, bad)
    writeFileSync(`${store.path}.rescue`, good.subarray(0, good.length / 2))
    const first = await store.open()
    assert.equal(quarantine(first.notices).recovered, ROWS + 1)
    await first.outbox.close()
    // Died after the new file was complete, before the damaged one was moved.
    writeFileSync(store.path, bad)
    writeFileSync(`${store.path}.rescued`, good)
    const second = await store.open()
    assert.equal((await second.outbox.stats()).waiting, ROWS)
    assert.deepEqual(readFileSync(`${store.path}.damaged-2`), bad)
    await second.outbox.close()
    // Died between the moves of the damaged file and of its log.
    writeFileSync(`${store.path}.rescued`, good)
    writeFileSync(`${store.path}-wal`, 'what is left of a log')
    writeFileSync(`${store.path}.damaged-3`, bad)
    rmSync(store.path)
    const third = await store.open()
    assert.equal((await third.outbox.stats()).waiting, ROWS)
    assert.equal(readFileSync(`${store.path}.damaged-3-wal`, 'utf8'), 'what is left of a log')
    assert.deepEqual(await drained(store, third.outbox), ids)
  }),
)

test(
  'what keyed entries, tombstones and totals say outlives a rescue',
  inScene(async (store) => {
    const first = await store.open()
    const scene = new Scene(store, store.open, first)
    const keyed = entry('k', { keyed: true })
    const [stored, purged] = await scene.append(keyed, entry('p', { lanes: ['p'] }))
    await scene.outbox.purge('p')
    await scene.drain()
    await first.outbox.close()
    overwrite(store.path, 0, Buffer.alloc(PAGE))
    const { outbox, notices } = await store.open()
    assert.deepEqual([quarantine(notices).recovered, quarantine(notices).lost], [0, 0])
    assert.deepEqual(await outbox.append([keyed]), [{ state: 'duplicate', position: stored!.position }])
    assert.deepEqual(await outbox.lookup([stored!.position, purged!.position]), [
      { state: 'delivered' },
      { state: 'purged' },
    ])
    const { totals } = await outbox.stats()
    assert.deepEqual([totals.accepted, totals.delivered, totals.purged, totals.duplicates], [2, 1, 1, 1])
  }),
)

test(
  'two handles that meet the same damaged file rescue it once, and both go on with the new one',
  inScene(async (store) => {
    await filled(store)
    const first = await store.open()
    const second = await store.open()
    overwrite(store.path, Math.floor(statSync(store.path).size / PAGE / 2) * PAGE, Buffer.alloc(PAGE, 0xaa))
    const scene = new Scene(store, store.open, first)
    await assert.rejects(scene.claim(), code('OUTBOX_DAMAGED'))
    const claim = await scene.claim()
    assert.ok(claim.entries.length > 300)
    await assert.rejects(second.outbox.append([entry('x')]), code('OUTBOX_UNAVAILABLE'))
    assert.equal((await second.outbox.append([entry('x')]))[0]?.state, 'stored')
    assert.ok(!second.notices.some(({ type }) => type === 'quarantined'))
    await scene.settle(claim, { to: 'delivered' })
    assert.deepEqual(idsOf(await scene.claim()), ['x'])
    assert.ok(!existsSync(`${store.path}.damaged-2`))
  }),
)
