/** From the bytes of a file to calls, and to what is wrong with a line. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import * as fc from 'fast-check'

import { encodeCall } from '../../src/protocol/encode.ts'
import type { JsonValue } from '../../src/protocol/json.ts'
import { type MappingInput, readMappingFile, resolveMapping } from '../../src/transfer/csv-mapping.ts'
import { csvReader } from '../../src/transfer/csv-reader.ts'
import { identityOf, openBytes } from '../../src/transfer/file-bytes.ts'
import { linesOf } from '../../src/transfer/file-lines.ts'
import type { ImportRecord, RecordReader } from '../../src/transfer/import-record.ts'
import { readLine, writeLine } from '../../src/transfer/ndjson-line.ts'
import { ndjsonReader } from '../../src/transfer/ndjson-reader.ts'
import { parseTime } from '../../src/transfer/time-text.ts'
import { TransferError } from '../../src/transfer/transfer-error.ts'
import { callArbitrary } from '../protocol/call-arbitrary.ts'

async function inFile<T>(name: string, content: string | Uint8Array, run: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-reading-'))
  try {
    const path = join(folder, name)
    writeFileSync(path, content)
    return await run(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function recordsOf(path: string, reader: RecordReader, offset = 0, line = 0): Promise<ImportRecord[]> {
  const bytes = openBytes(path, offset)
  const records: ImportRecord[] = []
  for await (const record of reader(bytes, { offset, line })) records.push(record)
  bytes.close()
  return records
}

function csv(text: string | Uint8Array, mapping: MappingInput): Promise<ImportRecord[]> {
  return inFile('rows.csv', text, async (path) => recordsOf(path, await csvReader(path, resolveMapping(mapping))))
}

/** A record in short: its line and either the call's own parts or the reason. */
function brief({ line, decoded }: ImportRecord): readonly unknown[] {
  if (!decoded.ok) return [line, `${decoded.problems[0].field}: ${decoded.problems[0].reason}`]
  const { call } = decoded
  const data = call.type === 'event' ? call.data : call.type === 'identify' ? call.attributes : {}
  return [line, call.type, { ...data }]
}

async function* pieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length]!
    yield bytes.subarray(at, at + size)
    at += size
  }
}

test('lines are the same however the bytes are cut, and reading from the end of any of them gives the rest', async () => {
  const ending = fc.constantFrom('\n', '\r\n')
  const content = fc.array(fc.tuple(fc.string({ unit: fc.constantFrom('a', 'ü', '"', ' ', '€') }), ending))
  await fc.assert(
    fc.asyncProperty(
      content,
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      fc.boolean(),
      async (lines, sizes, isOpen) => {
        const text = lines.map(([line, end]) => line + end).join('') + (isOpen ? 'last' : '')
        const bytes = Buffer.from(text)
        const found: { readonly number: number; readonly end: number; readonly text: string }[] = []
        for await (const line of linesOf(pieces(bytes, sizes), { offset: 0, line: 0 }, 1_000)) {
          found.push({ number: line.number, end: line.end, text: line.bytes.toString() })
        }
        assert.deepEqual(
          found.map((line) => line.text),
          [...lines.map(([line]) => line), ...(isOpen ? ['last'] : [])],
        )
        assert.equal(found.at(-1)?.end ?? 0, bytes.length)
        for (const { number, end } of found) {
          const rest: string[] = []
          for await (const line of linesOf(pieces(bytes.subarray(end), sizes), { offset: end, line: number }, 1_000)) {
            rest.push(line.bytes.toString())
          }
          assert.deepEqual(
            rest,
            found.slice(number).map((line) => line.text),
          )
        }
      },
    ),
    { seed: 4, numRuns: 60 },
  )
})

test('a line that is too long is not kept, and the next one is read', async () => {
  const text = `short\n${'x'.repeat(50_000)}\nafter`
  const found: (readonly unknown[])[] = []
  for await (const line of linesOf(pieces(Buffer.from(text), [97]), { offset: 0, line: 0 }, 1_000)) {
    found.push([line.number, line.tooLong, line.bytes.length <= 1_000, line.end])
  }
  assert.deepEqual(found, [
    [1, false, true, 6],
    [2, true, true, 50_007],
    [3, false, true, 50_012],
  ])
})

test('NDJSON: both forms of a line, marks, endings, empty lines, bad bytes', async () => {
  const good = '{"type":"person","action":"event","identifiers":{"id":"1"},"name":"a","attributes":{"x":1}}'
  const request =
    '{"method":"PUT","path":"/api/v1/customers/1","body":{"plan":"pro"},"acceptedAt":"2026-01-01T00:00:00Z"}'
  const content = Buffer.concat([
    Buffer.from(`\ufeff${good}\r\n\n   \n${request}\nnot json\n[1]\n`),
    Buffer.from([0x7b, 0xff, 0xfe, 0x7d]),
    Buffer.from('\n{"method":"POST","path":"/nowhere"}\n{"method":"POST","path":"/api/v2/batch","body":{}}\n'),
    Buffer.from('{"identify":{"id":"1"}}\n{"method":"PUT","path":"/api/v1/customers/1","workspace":"other"}\n'),
    Buffer.from('{"method":"PUT","path":"/api/v1/customers/1","acceptedAt":"yesterday"}'),
  ])
  for (const [name, bytes] of [
    ['a.ndjson', content],
    ['a.ndjson.gz', gzipSync(content)],
  ] as const) {
    const records = await inFile(name, bytes, (path) => recordsOf(path, ndjsonReader('shop')))
    assert.deepEqual(records.map(brief), [
      [1, 'event', { x: 1 }],
      [4, 'identify', { plan: 'pro' }],
      [5, 'line: not-json'],
      [6, 'line: type'],
      [7, 'line: not-utf8'],
      [8, 'path: unknown-route'],
      [9, 'path: unknown-route'],
      [10, 'identify: unknown-field'],
      [11, 'workspace: other-workspace'],
      [12, 'acceptedAt: format'],
    ])
    const identify = records[1]!.decoded
    assert.equal(identify.ok && identify.call.type === 'identify' && identify.call.timestamp, 1_767_225_600)
    // Going on in the middle, also of a packed file.
    const rest = await inFile(name, bytes, (path) => recordsOf(path, ndjsonReader('shop'), records[1]!.end, 4))
    assert.deepEqual(rest.map(brief), records.slice(2).map(brief))
  }
})

test('what is written as a line is read as the same call', () => {
  fc.assert(
    fc.property(callArbitrary, (call) => {
      const { body, ...parts } = encodeCall(call)
      const request = { ...parts, body: body === undefined ? null : (JSON.parse(body) as JsonValue) }
      const decoded = readLine(writeLine({ request }), undefined)
      assert.ok(decoded.ok)
      assert.deepEqual(decoded.call, call)
    }),
    { seed: 4, numRuns: 300 },
  )
})

test('an event of an export without an id of its own gets that of its operation', () => {
  const id = '01BX5ZZKBKACTAV9WEVGEMMVRY'
  const line = JSON.stringify({ id, method: 'POST', path: '/api/v1/customers/1/events', body: { name: 'a' } })
  const decoded = readLine(line, undefined)
  assert.equal(decoded.ok && decoded.call.type === 'event' && decoded.call.id, id)
})

test('CSV: quotes, lines inside quotes, delimiters, a mark, CRLF, and what is wrong with a row', async () => {
  const text =
    '\ufeffid;name;total;vip;when;note\r\n' +
    '1;"order; big";12.5;yes;2026-01-01T00:00:00Z;"two\r\nlines ""quoted"""\r\n' +
    '2;order;;no;;\r\n' +
    '\r\n' +
    '3;order;1,5;no;;\r\n' +
    '4;order;1;perhaps;;\r\n' +
    ';order;1;yes;;\r\n' +
    '5;order;1\r\n' +
    '6;order;1;yes;soon;\r\n' +
    '7;"broken"x;1;yes;;\r\n' +
    '8;order;1;yes;;"never closed\r\n' +
    '9;order;1e3;1;1767225600;last'
  const records = await csv(text, {
    as: 'event',
    columns: { id: 'id', name: 'name' },
    data: ['total:number', 'vip:boolean', 'when=at:time', 'note'],
  })
  assert.deepEqual(records.map(brief), [
    [2, 'event', { total: 12.5, vip: true, at: 1_767_225_600, note: 'two\nlines "quoted"' }],
    [4, 'event', { vip: false }],
    [6, 'total: type'],
    [7, 'vip: type'],
    [8, 'id: required'],
    [9, 'line: cells'],
    [10, 'when: type'],
    [11, 'line: quote'],
    [12, 'line: quote'],
    [13, 'event', { total: 1_000, vip: true, at: 1_767_225_600, note: 'last' }],
  ])
  assert.equal(records[0]!.lastLine, 3)
})

test('CSV: people by id or e-mail address, all other columns as attributes, empty cells left out or kept', async () => {
  const text = 'email,id,plan,__proto__\na@example.com,1,pro,x\nb@example.com,,,\n'
  const columns = { id: 'id', email: 'email' }
  const records = await csv(text, { as: 'identify', columns })
  const calls = records.map(({ decoded }) =>
    decoded.ok && decoded.call.type === 'identify' ? decoded.call : undefined,
  )
  assert.deepEqual(
    calls.map((call) => call?.person),
    [
      { by: 'id', value: '1' },
      { by: 'email', value: 'b@example.com' },
    ],
  )
  assert.deepEqual(Object.entries(calls[0]!.attributes), [
    ['email', 'a@example.com'],
    ['plan', 'pro'],
    ['__proto__', 'x'],
  ])
  const kept = await csv(text, { as: 'identify', columns, empty: 'text' })
  const second = kept[1]!.decoded
  assert.deepEqual(second.ok && second.call.type === 'identify' && Object.entries(second.call.attributes), [
    ['plan', ''],
    ['__proto__', ''],
  ])
})

test('CSV: another encoding, and bytes that are none of it', async () => {
  const text = Buffer.from('id,city\n1,Z\xfcrich\n', 'latin1')
  const mapping = { as: 'identify', columns: { id: 'id' } }
  assert.deepEqual((await csv(text, { ...mapping, encoding: 'windows-1252' })).map(brief), [
    [2, 'identify', { city: 'Zürich' }],
  ])
  assert.deepEqual((await csv(text, mapping)).map(brief), [[2, 'line: not-utf8']])
  await assert.rejects(csv(Buffer.from('\ufeffid\n1\n', 'utf16le'), mapping), /is UTF-16: save it as UTF-8/)
})

test('a mapping that cannot be is refused with its field', () => {
  const cases: readonly (readonly [MappingInput, RegExp])[] = [
    [{}, /^as: must be one of identify, event/],
    [{ as: 'identify' }, /^columns: none names the person/],
    [{ as: 'event', columns: { id: 'a' } }, /^name: an event needs a name/],
    [{ as: 'event', columns: { id: 'a', name: 'b' }, name: 'c' }, /^name: is given twice/],
    [{ as: 'identify', columns: { id: 'a' }, name: 'c' }, /^name: identify has no name/],
    [{ as: 'identify', columns: { id: 'a', who: 'b' } }, /^columns.who: is not known/],
    [{ as: 'delete', columns: { id: 'a' }, data: ['b'] }, /^data: delete takes no data/],
    [{ as: 'identify', columns: { id: 'a' }, data: ['b:float'] }, /^data b:float: must be one of string, number/],
    [{ as: 'identify', columns: { id: 'a' }, data: ['b=x', 'c=x'] }, /^data: gives the attribute x twice/],
    [{ as: 'identify', columns: { id: 'a' }, delimiter: ';;' }, /^delimiter: must be one character/],
    [{ as: 'identify', columns: { id: 'a' }, encoding: 'utf-16le' }, /^encoding: must be utf-8/],
  ]
  for (const [input, message] of cases)
    assert.throws(() => resolveMapping(input), { name: 'TransferError', code: 'MAPPING', message })
  assert.throws(() => readMappingFile('{"AS":"event"}', 'm.json'), { message: /^AS: is not known/ })
  assert.throws(() => readMappingFile('{"data":5}', 'm.json'), { message: /^data: must be a list or an object/ })
  assert.throws(() => readMappingFile('as: event', 'm.json'), { message: /m.json is no JSON/ })
  const read = readMappingFile('{"as":"identify","columns":{"id":"ID"},"data":{"plan":"Plan EUR:number"}}', 'm.json')
  assert.deepEqual(resolveMapping(read).data, [{ column: 'Plan EUR', to: 'plan', type: 'number' }])
})

test('a file whose columns do not fit the mapping is refused', async () => {
  const mapping = { as: 'identify', columns: { id: 'customer' } }
  await assert.rejects(csv('id,plan\n1,pro\n', mapping), {
    code: 'MAPPING',
    message: /no column "customer"; it has "id", "plan"/,
  })
  await assert.rejects(csv('customer,a,a\n', mapping), { message: /names the column "a" twice/ })
  await assert.rejects(csv('', mapping), { code: 'FILE_UNREADABLE', message: /is empty/ })
})

test('times as files have them', () => {
  const cases = [
    ['1767225600', 'auto', 1_767_225_600_000],
    ['1767225600000', 'auto', 1_767_225_600_000],
    ['1767225600000', 'ms', 1_767_225_600_000],
    ['2026-01-01', 'auto', 1_767_225_600_000],
    ['2026-01-01 00:00', 'iso', 1_767_225_600_000],
    ['2026-01-01T01:00:00.250+01:00', 'iso', 1_767_225_600_250],
    ['2024-02-29T00:00:00Z', 'iso', 1_709_164_800_000],
    ['2026-02-29T00:00:00Z', 'iso', undefined],
    ['2026-01-01', 's', undefined],
    ['1767225600', 'iso', undefined],
    ['01/02/2026', 'auto', undefined],
    ['', 'auto', undefined],
  ] as const
  for (const [text, format, ms] of cases) assert.equal(parseTime(text, format), ms, `${text} as ${format}`)
})

test('a file is known by its content alone', async () => {
  const one = await inFile('one', 'abc', identityOf)
  const two = await inFile('two', 'abc', identityOf)
  assert.deepEqual(one, two)
  assert.notEqual((await inFile('one', 'abd', identityOf)).hash, one.hash)
  await assert.rejects(
    identityOf('/nowhere/at/all'),
    (error) => error instanceof TransferError && error.code === 'FILE_UNREADABLE',
  )
})
