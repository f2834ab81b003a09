import assert from 'node:assert/strict'
import { test } from 'node:test'

import { LOG_LINES, type LogEvent } from '../../src/logs/log-line.ts'
import { createLogger } from '../../src/logs/logger.ts'
import { createScrub } from '../../src/logs/scrub.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { createTestLog, memoryDestination } from './log.ts'

test('a line is one JSON object with its time, level, event, workspace, code and fields', () => {
  const { logger, text, lines } = createTestLog()
  logger.log({
    event: 'parked',
    workspace: 'shop',
    code: 'credentials',
    message: 'refused',
    fields: { status: 401 },
  })
  assert.deepEqual(lines(), [
    {
      level: 'error',
      time: '2026-01-01T00:00:00.000Z',
      event: 'parked',
      workspace: 'shop',
      code: 'credentials',
      status: 401,
      msg: 'refused',
    },
  ])
  assert.ok(text().endsWith('}\n'))
})

test('the level is that of the table, lines below the threshold are not written, and the threshold can be changed', () => {
  const { logger, lines } = createTestLog({ level: 'warn' })
  const all = Object.keys(LOG_LINES) as LogEvent[]
  for (const event of all) logger.log({ event, message: '' })
  const loud = all.filter((event) => LOG_LINES[event].level === 'warn' || LOG_LINES[event].level === 'error')
  assert.deepEqual(
    lines().map(({ event }) => event),
    loud,
  )
  logger.level = 'silent'
  for (const event of all) logger.log({ event, message: '' })
  assert.equal(lines().length, loud.length)
  logger.level = 'debug'
  for (const event of all) logger.log({ event, message: '' })
  assert.equal(lines().length, loud.length + all.length)
  assert.throws(() => (logger.level = 'loud' as 'info'), { code: 'INVALID_OPTIONS', message: /level/ })
})

test('a destination that throws fails nobody, and is counted', () => {
  const clock = new VirtualClock()
  const destination = {
    ...memoryDestination(),
    write: () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    },
  }
  const logger = createLogger({ level: 'info', destination, clock })
  for (let line = 0; line < 3; line++) logger.log({ event: 'resumed', message: 'goes on' })
  assert.equal(logger.lost, 3)
})

test('a field that cannot be text fails nobody', () => {
  const { logger, lines } = createTestLog()
  const circular: Record<string, string> = {}
  Object.defineProperty(circular, 'self', { enumerable: true, get: () => circular })
  const thrower = Object.defineProperty({}, 'value', {
    enumerable: true,
    get: () => {
      throw new Error('no')
    },
  })
  logger.log({ event: 'dump', message: 'one', fields: circular })
  logger.log({ event: 'dump', message: 'two', fields: thrower })
  logger.log({ event: 'resumed', message: 'three' })
  assert.equal(lines().at(-1)?.['msg'], 'three')
})

test('at a terminal a line is a text with its fields behind it, with and without colours', () => {
  const clock = new VirtualClock()
  const destination = memoryDestination()
  const line = {
    event: 'circuit-open',
    workspace: 'shop',
    code: 'failures',
    message: 'bad',
    fields: { list: ['a b'] },
  } as const
  createLogger({ level: 'info', destination, clock, pretty: true, colours: false }).log(line)
  assert.equal(destination.texts[0], '00:00:00 warn  circuit-open  bad  workspace=shop code=failures list=["a b"]\n')
  createLogger({ level: 'info', destination, clock, pretty: true }).log(line)
  assert.ok(destination.texts[1]!.includes('\u001B[33mwarn '))
})

test('a credential that got into a line goes out of it again, also one that JSON writes otherwise', () => {
  const quoted = 'k"e\\y-1234'
  const { logger, text } = createTestLog({ secrets: ['s3cret-key', quoted, 's3cret-key-longer', 'abc'] })
  logger.log({
    event: 'dump',
    message: 'a s3cret-key-longer b',
    fields: { one: 's3cret-key', [quoted]: quoted, three: 'abc' },
  })
  assert.ok(!text().includes('s3cret'))
  assert.ok(!text().includes('1234'))
  assert.ok(text().includes('a *** b'))
  // Too short to be taken out of every word.
  assert.ok(text().includes('"three":"abc"'))
  logger.hide(['another-one'])
  logger.log({ event: 'dump', message: 'another-one' })
  assert.ok(!text().includes('another-one'))
  assert.equal(createScrub([])('as it is'), 'as it is')
})
