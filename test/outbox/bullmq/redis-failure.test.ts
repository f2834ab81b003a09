/** What each answer of Redis means for what was sent. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { answerCode, failureOf, wasRefused } from '../../../src/outbox/bullmq/redis-failure.ts'

function answer(message: string): Error {
  const error = new Error(message)
  error.name = 'ReplyError'
  return Object.assign(error, { command: { name: 'evalsha', args: ['a-person'] } })
}

const refusals: readonly (readonly [answer: string, code: string, says: RegExp])[] = [
  ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM', /no memory left/],
  [
    "ERR Error running script (call to f_ab): @user_script:1: -OOM command not allowed when used memory > 'maxmemory'.",
    'OOM',
    /no memory left/,
  ],
  ["READONLY You can't write against a read only replica.", 'READONLY', /read-only replica/],
  ['LOADING Redis is loading the dataset in memory', 'LOADING', /still loading/],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'MASTERDOWN', /lost its master/],
  ['CLUSTERDOWN The cluster is down', 'CLUSTERDOWN', /Cluster is down/],
  ['MISCONF Redis is configured to save RDB snapshots', 'MISCONF', /cannot save to its disk/],
  ['NOREPLICAS Not enough good replicas to write.', 'NOREPLICAS', /too few of its replicas/],
  ["NOPERM this user has no permissions to run the 'evalsha' command", 'NOPERM', /may not run this command/],
  ['NOAUTH Authentication required.', 'NOAUTH', /asks for a password/],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'WRONGPASS', /refuses the user name/],
  ['BUSY Redis is busy running a script.', 'BUSY', /busy with another script/],
  ['MOVED 3999 127.0.0.1:6381', 'MOVED', /belongs to a cluster/],
  ["CROSSSLOT Keys in request don't hash to the same slot", 'CROSSSLOT', /different slots/],
]

for (const [message, code, says] of refusals) {
  test(`${code}: nothing was stored (${message.slice(0, 40)})`, () => {
    const error = failureOf(answer(message), true)
    assert.equal(answerCode(answer(message)), code)
    assert.equal(error.code, 'OUTBOX_UNAVAILABLE')
    assert.equal(error.mayBeStored, false)
    assert.match(error.message, says)
    assert.ok(wasRefused(error))
    assert.equal(Reflect.get(error.cause as Error, 'command'), undefined)
  })
}

test('an error of a script, a broken connection and an unsent command differ in what may be stored', () => {
  const script = failureOf(answer('ERR user_script:1: attempt to index a nil value script: ab'), true)
  assert.deepEqual([script.mayBeStored, wasRefused(script)], [true, true])
  const forbidden = failureOf(answer("ERR The user executing the script can't run this command or subcommand"), true)
  assert.equal(forbidden.mayBeStored, true)
  assert.match(forbidden.message, /may not run a command of the script/)
  const broken = failureOf(new Error('Connection is closed.'), true)
  assert.deepEqual([broken.mayBeStored, wasRefused(broken)], [true, false])
  const unsent = failureOf(new Error("Stream isn't writeable"), false)
  assert.deepEqual([unsent.mayBeStored, wasRefused(unsent)], [false, false])
  assert.equal(answerCode(new Error('OOM by another name')), null)
})

test('what Redis repeats of an unknown command is left out', () => {
  const error = failureOf(answer("ERR unknown command 'evalshaa', with args beginning with: 'a-person' "), true)
  assert.equal((error.cause as Error).message, "ERR unknown command 'evalshaa'")
})
