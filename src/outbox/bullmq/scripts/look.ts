/**
 * Questions. None changes anything but what time itself has changed.
 *
 * `lookup`, ARGV: sequences. Answer: of each `w` waiting, `d` delivered, `u` unknown, `p` purged, `x` dropped, or the detail of a dead letter.
 * `listWaiting`, ARGV: newest or oldest, the sequence after which or '', limit. Answer: sequence, entry, attempts of each.
 * `listLane`, ARGV: lane, the same. `listDead`, ARGV: the same as `listWaiting`. Answer: sequence and letter of each.
 * `stats`, ARGV: campaign window in milliseconds. Answer: see the end of it. `holds`, ARGV: lanes. Answer: 1 or 0.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const LOOKUP = `${COMMON}
local last = tonumber(call('HGET', M, 'seq') or 0)
local forgotten = tonumber(call('HGET', M, 'forgotten') or 0)
local function stateOf(sequence, depth)
  if call('HEXISTS', E, sequence) == 1 then return 'w' end
  local letter = call('HGET', D, sequence)
  if letter then return match(letter, '^[^\\n]*\\n([^\\n]*)') end
  local tombstone = call('HGET', T, sequence)
  if tombstone == 'p' then return 'p' end
  if tombstone == 'd' then return 'x' end
  if tombstone and depth < 1000 then return stateOf(tonumber(tombstone), depth + 1) end
  if sequence < 1 or sequence <= forgotten or sequence > last then return 'u' end
  return 'd'
end
local answers = {}
for index, sequence in ipairs(ARGV) do answers[index] = stateOf(tonumber(sequence), 0) end
return answers
`

/** Adds what waits under these sequences to `answers`. */
const ADD = `
local answers = {}
local function add(sequences, limit)
  for index, entry in ipairs(read('HMGET', E, sequences)) do
    if #answers >= limit * 3 then return end
    if entry then
      answers[#answers + 1] = tostring(sequences[index])
      answers[#answers + 1] = entry
      answers[#answers + 1] = call('HGET', A, sequences[index]) or 0
    end
  end
end
`

const LIST_WAITING = `${COMMON}${ADD}
local newest, after, limit = ARGV[1] == 'newest', tonumber(ARGV[2]), tonumber(ARGV[3])
local from = after and floor(after / 100) or (newest and '+inf' or '-inf')
while #answers < limit * 3 do
  local block
  if newest then
    block = call('ZREVRANGEBYSCORE', G, from, '-inf', 'LIMIT', 0, 1)[1]
  else
    block = call('ZRANGEBYSCORE', G, from, '+inf', 'LIMIT', 0, 1)[1]
  end
  if not block then break end
  local sequences = {}
  for index = 0, 99 do
    local sequence = block * 100 + (newest and 99 - index or index)
    if not after or (newest and sequence < after) or (not newest and sequence > after) then sequences[#sequences + 1] = sequence end
  end
  add(sequences, limit)
  from = '('..block
end
return answers
`

const LIST_LANE = `${COMMON}${ADD}
local lane, newest, after, limit = ARGV[1], ARGV[2] == 'newest', tonumber(ARGV[3]), tonumber(ARGV[4])
local value = call('HGET', L, lane)
local v = value and endsOf(value)
local sequences = {}
while v do
  local sequence = tonumber(sequenceOf(v))
  if not after or (newest and sequence < after) or (not newest and sequence > after) then sequences[#sequences + 1] = sequence end
  if not newest and #sequences >= limit then break end
  local behind = call('HGET', N, linkOf(v, lane))
  v = behind
end
if newest then
  local turned = {}
  for index = #sequences, math.max(1, #sequences - limit + 1), -1 do turned[#turned + 1] = sequences[index] end
  sequences = turned
end
add(sequences, limit)
return answers
`

const LIST_DEAD = `${COMMON}
local newest, after, limit = ARGV[1] == 'newest', ARGV[2], tonumber(ARGV[3])
local found
if newest then
  found = call('ZREVRANGEBYSCORE', DZ, after == '' and '+inf' or '('..after, '-inf', 'LIMIT', 0, limit)
else
  found = call('ZRANGEBYSCORE', DZ, after == '' and '-inf' or '('..after, '+inf', 'LIMIT', 0, limit)
end
local answers = {}
for index, letter in ipairs(read('HMGET', D, found)) do
  answers[#answers + 1] = found[index]
  answers[#answers + 1] = letter
end
return answers
`

const STATS = `${COMMON}
local now = nowMs()
expire(now)
flushReady()
local names = { 'accepted', 'delivered', 'dead', 'expired', 'purged', 'dropped', 'duplicates', 'waiting', 'wbytes', 'deads', 'dbytes', 'held' }
local numbers = call('HMGET', M, unpack(names))
for index = 1, #names do numbers[index] = tonumber(numbers[index] or 0) end
local oldest = false
local block = call('ZRANGE', G, 0, 0)[1]
if block then
  local sequences = {}
  for index = 0, 99 do sequences[index + 1] = block * 100 + index end
  for _, entry in ipairs(call('HMGET', E, unpack(sequences))) do
    if entry then
      oldest = sub(entry, 1, find(entry, '\\n', 1, true) - 1)
      break
    end
  end
end
local open = floor((now - tonumber(ARGV[1])) / 60000)
local campaign
for _, minute in ipairs(call('HKEYS', C)) do
  minute = tonumber(minute)
  if minute > open and (campaign == nil or minute < campaign) then campaign = minute end
end
return { numbers, call('HLEN', F), oldest, campaign or false, call('HLEN', E), call('HLEN', D) }
`

const HOLDS = `${COMMON}
for _, value in ipairs(read('HMGET', L, ARGV)) do
  if value then return 1 end
end
return 0
`

export const lookupScript: RedisScript = { name: 'lookup', source: LOOKUP }
export const listWaitingScript: RedisScript = { name: 'list-waiting', source: LIST_WAITING }
export const listLaneScript: RedisScript = { name: 'list-lane', source: LIST_LANE }
export const listDeadScript: RedisScript = { name: 'list-dead', source: LIST_DEAD }
export const statsScript: RedisScript = { name: 'stats', source: STATS }
export const holdsScript: RedisScript = { name: 'holds', source: HOLDS }
