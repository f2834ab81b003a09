/**
 * Handles, and the pause that holds for all of them.
 *
 * `open`, ARGV: format. Answer: the format of what is there. `beat`, ARGV: handle, milliseconds until it counts as gone
 * (0: it goes now). Answer: how many handles there are, and the pause as JSON or ''. `pause`, ARGV: pause as JSON or ''.
 * Answer: 1 where that changed something. `sweep`: ends what is due. Answer: 1 where something may go.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const HEAD = `
local K = KEYS[1]
local call = redis.call
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`

const OPEN = `
redis.call('HSETNX', KEYS[1]..'m', 'format', ARGV[1])
return redis.call('HGET', KEYS[1]..'m', 'format')
`

const BEAT = `${HEAD}
call('ZREMRANGEBYSCORE', K..'p', '-inf', now)
if tonumber(ARGV[2]) > 0 then call('ZADD', K..'p', now + ARGV[2], ARGV[1]) else call('ZREM', K..'p', ARGV[1]) end
return { call('ZCARD', K..'p'), call('HGET', K..'m', 'pause') or '' }
`

const PAUSE = `${HEAD}
if (call('HGET', K..'m', 'pause') or '') == ARGV[1] then return 0 end
call('HSET', K..'m', 'pause', ARGV[1])
return 1
`

const SWEEP = `${COMMON}
expire(nowMs())
flushReady()
return call('LLEN', RE) + call('LLEN', RB) > 0 and 1 or 0
`

export const openScript: RedisScript = { name: 'open', source: OPEN }
export const beatScript: RedisScript = { name: 'beat', source: BEAT }
export const pauseScript: RedisScript = { name: 'pause', source: PAUSE }
export const sweepScript: RedisScript = { name: 'sweep', source: SWEEP }
