/**
 * Questions. None changes anything but what time itself has changed.
 *
 * `lookup`, ARGV: sequences. Answer: of each `w` waiting, `d` delivered, `u` unknown, `p` purged, `x` dropped, or the detail of a dead letter.
 * `listWaiting`, ARGV: newest or oldest, the sequence after which, limit. Answer: sequence, header, body, attempts of each.
 * `listLane`, ARGV: lane, the same. `listDead`, ARGV: the same as `listWaiting`. Answer: sequence and letter of each.
 * `stats`, ARGV: campaign window in milliseconds. Answer: see the end of it.
 * `holds`, ARGV: lanes. Answer: 1 or 0.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const LOOKUP = `${COMMON}
local last = tonumber(call('HGET', M, 'seq') or 0)
local forgotten = tonumber(call('HGET', M, 'forgotten') or 0)
local function stateOf(sequence, depth)
  if entryAt(sequence) then return 'w' end
  local letter = call('HGET', D, sequence)
  if letter then return string.match(letter, '^[^\\n]*\\n([^\\n]*)') end
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

const LIST_WAITING = `${COMMON}
local newest, after, limit = ARGV[1] == 'newest', ARGV[2], tonumber(ARGV[3])
local found
if newest then
  found = call('XREVRANGE', S, after == '' and '+' or '('..after..'-0', '-', 'COUNT', limit)
else
  found = call('XRANGE', S, after == '' and '-' or '('..after..'-0', '+', 'COUNT', limit)
end
local answers = {}
for _, each in ipairs(found) do
  local sequence = string.match(each[1], '^%d+')
  answers[#answers + 1] = sequence
  answers[#answers + 1] = each[2][2]
  answers[#answers + 1] = each[2][4]
  answers[#answers + 1] = call('HGET', A, sequence) or 0
end
return answers
`

const LIST_LANE = `${COMMON}
local lane, newest, after, limit = ARGV[1], ARGV[2] == 'newest', tonumber(ARGV[3]), tonumber(ARGV[4])
local value = tonumber(call('HGET', L, lane) or nil)
if not value then return {} end
local size = call('LLEN', Q..lane)
local function sequenceOf(index)
  local v = index == 0 and math.floor(value / 2) or tonumber(call('LINDEX', Q..lane, index - 1))
  return math.floor(v / 2)
end
-- The first of the lane beyond 'after': the lane is in order, so it is looked for by halves.
local low, high = 0, size + 1
while after and low < high do
  local middle = math.floor((low + high) / 2)
  if (newest and sequenceOf(middle) >= after) or (not newest and sequenceOf(middle) > after) then high = middle else low = middle + 1 end
end
local from, to, step = after and low or 0, size, 1
if newest then from, to, step = (after and low or size + 1) - 1, 0, -1 end
local answers = {}
for index = from, to, step do
  if #answers >= limit * 4 then break end
  local sequence = sequenceOf(index)
  local header, body = entryAt(sequence)
  if header then
    answers[#answers + 1] = tostring(sequence)
    answers[#answers + 1] = header
    answers[#answers + 1] = body
    answers[#answers + 1] = call('HGET', A, sequence) or 0
  end
end
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
local oldest = call('XRANGE', S, '-', '+', 'COUNT', 1)[1]
local open = math.floor((now - tonumber(ARGV[1])) / 60000)
local campaign
for _, minute in ipairs(call('HKEYS', C)) do
  minute = tonumber(minute)
  if minute > open and (campaign == nil or minute < campaign) then campaign = minute end
end
return { numbers, call('HLEN', F), oldest and oldest[2][2] or false, campaign or false, call('XLEN', S), call('HLEN', D) }
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
