/**
 * `executions` of the contract: a hash for each key, with the token (`t`) of who executes it or its result (`v`), which
 * Redis ends by itself. `es` key -> characters of its result, `ez` keys of results, oldest first.
 *
 * ARGV of all: key, token; then of `begin` leaseMs, of `renew` leaseMs, of `complete` value, ttlMs, resultsMax, charsMax, characters.
 */
import type { RedisScript } from '../link.ts'

const HEAD = `
local K = KEYS[1]
local call = redis.call
local E, ES, EZ, M = K..'e:'..ARGV[1], K..'es', K..'ez', K..'m'
local token, value = unpack(call('HMGET', E, 't', 'v'))
`

const BEGIN = `${HEAD}
if value then return { 'done', value } end
if token then return { 'running', call('PTTL', E) } end
call('HSET', E, 't', ARGV[2])
call('PEXPIRE', E, ARGV[3])
return { 'held' }
`

const RENEW = `${HEAD}
if token ~= ARGV[2] then return 0 end
call('PEXPIRE', E, ARGV[3])
return 1
`

const COMPLETE = `${HEAD}
if value then return value end
local chars = tonumber(ARGV[7])
call('DEL', E)
call('HSET', E, 'v', ARGV[3])
call('PEXPIRE', E, ARGV[4])
local before = tonumber(call('HGET', ES, ARGV[1]) or 0)
call('HSET', ES, ARGV[1], chars)
call('ZADD', EZ, call('HINCRBY', M, 'results', 1), ARGV[1])
local all = call('HINCRBY', M, 'rchars', chars - before)
local function forget(key)
  all = call('HINCRBY', M, 'rchars', 0 - tonumber(call('HGET', ES, key) or 0))
  call('HDEL', ES, key)
  call('ZREM', EZ, key)
end
-- Results that Redis has ended already: some of the oldest each time.
for _, key in ipairs(call('ZRANGE', EZ, 0, 9)) do
  if call('HEXISTS', K..'e:'..key, 'v') == 0 then forget(key) end
end
while call('ZCARD', EZ) > tonumber(ARGV[5]) or all > tonumber(ARGV[6]) do
  local oldest = call('ZRANGE', EZ, 0, 0)[1]
  if not oldest then break end
  call('DEL', K..'e:'..oldest)
  forget(oldest)
end
return ARGV[3]
`

const ABANDON = `${HEAD}
if token == ARGV[2] then call('DEL', E) end
return 1
`

export const beginScript: RedisScript = { name: 'execution-begin', source: BEGIN }
export const renewExecutionScript: RedisScript = { name: 'execution-renew', source: RENEW }
export const completeScript: RedisScript = { name: 'execution-complete', source: COMPLETE }
export const abandonScript: RedisScript = { name: 'execution-abandon', source: ABANDON }
