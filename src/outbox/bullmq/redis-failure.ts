/** What went wrong with a command, as an error of the outbox: whether it may have taken effect, and nothing of what was in it. */
import { OutboxError } from '../../errors.ts'

/** Answers with which Redis refuses a command before it has done anything. */
const REFUSALS: Readonly<Record<string, string>> = {
  OOM: 'Redis has no memory left (maxmemory)',
  READONLY: 'this Redis is a read-only replica: it may be failing over',
  LOADING: 'Redis is still loading its data',
  MASTERDOWN: 'this Redis is a replica that has lost its master',
  CLUSTERDOWN: 'the Redis Cluster is down: some of its slots are not served',
  MISCONF: 'Redis takes no writes, because it cannot save to its disk',
  NOREPLICAS: 'Redis takes no writes, because too few of its replicas are there',
  NOPERM: 'the Redis user may not run this command, or may not use these keys',
  NOAUTH: 'Redis asks for a password',
  WRONGPASS: 'Redis refuses the user name or password',
  BUSY: 'Redis is busy with another script',
  MOVED: 'this Redis belongs to a cluster: give an ioredis Cluster instance as the connection',
  ASK: 'this Redis belongs to a cluster: give an ioredis Cluster instance as the connection',
  TRYAGAIN: 'the Redis Cluster is moving these keys',
  CROSSSLOT: 'the keys lie in different slots of the Redis Cluster',
}

const CODE_PATTERN: RegExp = new RegExp(`(?:^|[\\s-])(${Object.keys(REFUSALS).join('|')})(?=\\s|$)`)
const CAUSE_CHARS_MAX = 300

/** The word by which Redis names an error, or null for what is no answer of Redis. */
export function answerCode(error: unknown): string | null {
  if (!isAnswer(error)) return null
  // Redis 6 wraps what a command inside a script met in a sentence of its own.
  return CODE_PATTERN.exec(error.message)?.[1] ?? /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR'
}

/** Whether an error of a link is an answer of Redis, not the want of one. */
export function wasRefused(error: unknown): boolean {
  return error instanceof OutboxError && isAnswer(error.cause)
}

function isAnswer(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/** @param sent whether the command had gone out when it failed */
export function failureOf(error: unknown, sent: boolean): OutboxError {
  const code = answerCode(error)
  const refusal = code === null ? undefined : REFUSALS[code]
  // Inside a script, where an earlier command may have had its effect.
  if (code === 'ERR' && /The user executing the script can't/.test(String(error))) {
    return unavailable('the Redis user may not run a command of the script, or may not use its keys', sent, error)
  }
  if (refusal !== undefined) return unavailable(`${refusal} (${code})`, false, error)
  if (code !== null) return unavailable(`Redis answers with an error (${code})`, sent, error)
  if (!sent) return unavailable('Redis cannot be reached', false, error)
  return unavailable('the connection to Redis ended before its answer came', true, error)
}

export function unavailable(message: string, mayBeStored: boolean, cause?: unknown): OutboxError {
  const details = cause === undefined ? { mayBeStored } : { mayBeStored, cause: withoutCommand(cause) }
  return new OutboxError('OUTBOX_UNAVAILABLE', message, details)
}

/** ioredis hangs the command onto its errors, and so the payload or the password; Redis repeats the start of unknown ones. */
function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('unknown failure')
  const text = error.message.replace(/,? with args beginning with:.*$/s, '').slice(0, CAUSE_CHARS_MAX)
  const clean = new Error(text)
  clean.name = error.name
  const code: unknown = Reflect.get(error, 'code')
  if (typeof code === 'string') Reflect.set(clean, 'code', code)
  return clean
}
