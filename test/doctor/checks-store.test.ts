/** What the doctor says of an outbox on a server, from what its probes say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { checkLeftBehind, checkStore } from '../../src/doctor/checks-store.ts'
import type { DoctorWorkspace } from '../../src/doctor/facts.ts'
import type { Probes, StoreLook } from '../../src/doctor/probes.ts'
import { OptionsError, OutboxError } from '../../src/errors.ts'
import type { OutboxFileCheck } from '../../src/outbox/sqlite/check-file.ts'

const SHOP: DoctorWorkspace = {
  name: 'shop',
  siteId: 'site',
  apiKey: 'key',
  region: 'eu',
  baseUrl: null,
  store: { kind: 'bullmq', options: { connection: 'redis://:s3cret@r' } },
}

const LOOK: StoreLook = { report: { server: 'redis 7.0.15', risks: [] }, waiting: 3, deadLetters: 1, answerMs: 0.42 }

const looks: readonly (readonly [name: string, look: () => Promise<StoreLook>, status: string, message: string])[] = [
  ['all is well', async () => LOOK, 'ok', 'redis 7.0.15 answers in 0.4 ms; 3 waiting, 1 dead letters'],
  [
    'it may lose something',
    async () => ({ ...LOOK, report: { server: 'redis 7.0.15', risks: ['it may evict keys'] } }),
    'warn',
    'redis 7.0.15 answers in 0.4 ms; 3 waiting, 1 dead letters; it may evict keys',
  ],
  [
    'it is slow',
    async () => ({ ...LOOK, answerMs: 80 }),
    'warn',
    'redis 7.0.15 answers in 80.0 ms; 3 waiting, 1 dead letters',
  ],
  [
    'it did not say which it is',
    async () => ({ ...LOOK, report: null }),
    'ok',
    'bullmq answers in 0.4 ms; 3 waiting, 1 dead letters',
  ],
  [
    'it is away',
    () => Promise.reject(new OutboxError('OUTBOX_UNAVAILABLE', 'Redis cannot be reached')),
    'fail',
    'Redis cannot be reached (OUTBOX_UNAVAILABLE)',
  ],
  [
    'a package is missing',
    () => Promise.reject(new OptionsError('connection', 'needs the package ioredis')),
    'fail',
    'connection: needs the package ioredis (INVALID_OPTIONS)',
  ],
  [
    'an error of somebody else, whose message may hold anything',
    () => Promise.reject(new TypeError('redis://:s3cret@r is bad')),
    'fail',
    'it cannot be used (unknown)',
  ],
]

for (const [name, look, status, message] of looks) {
  test(`an outbox on a server: ${name}`, async () => {
    const verdict = await checkStore(SHOP, { look } as Partial<Probes> as Probes)
    assert.deepEqual([verdict.status, verdict.message], [status, message])
    assert.equal(JSON.stringify(verdict).includes('s3cret'), false)
    assert.equal(verdict.hint === undefined, status === 'ok')
  })
}

const WHOLE = { state: 'whole', owner: 'nobody', workspace: 'site', bytes: 1, checked: true } as const

const files: readonly (readonly [found: OutboxFileCheck, status: string, message: RegExp])[] = [
  [{ state: 'absent' }, 'ok', /^there is no former file$/],
  [{ ...WHOLE, waiting: 0, deadLetters: 0 }, 'ok', /shop\.db is empty$/],
  [{ ...WHOLE, waiting: 0, deadLetters: 2 }, 'warn', /^2 dead letters are in/],
  [{ ...WHOLE, waiting: 7, deadLetters: 2 }, 'fail', /^7 operations wait in the former file \/data\/shop\.db/],
  [{ state: 'damaged', message: 'bad page' }, 'fail', /cannot be read: bad page$/],
]

for (const [found, status, message] of files) {
  test(`the file of a workspace that has moved to a server: ${message.source}`, async () => {
    const facts = { configFile: null, dataDir: '/data', workspaces: [SHOP] }
    const probes = { inspect: async () => found } as Partial<Probes> as Probes
    const verdict = await checkLeftBehind(facts, SHOP, probes)
    assert.equal(verdict.status, status)
    assert.match(verdict.message, message)
  })
}
