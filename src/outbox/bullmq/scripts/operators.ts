/**
 * What operators change. A header begins with id, lanes, 1 for live, and the campaign time or null (`entry-code.ts`).
 *
 * `purgeLane`, ARGV: lane, tombstonesMax. Removes all that waits in the lane. Answer: how many went.
 * `resolveDead`, ARGV: `replay`, `drop` or `purge`, tombstonesMax, sequences. Answer: how many, 1 where somebody may be asleep,
 * and the ids of those that went.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const PURGE = `${COMMON}
local lane, tombstonesMax = ARGV[1], tonumber(ARGV[2])
local tombstones, minutes, blocks, bytes, count = {}, {}, {}, 0, 0

-- Takes an entry out of another of its lanes.
local function unlink(v, name)
  local value = call('HGET', L, name)
  if not value then return end
  local head, last = endsOf(value)
  if head == v then return leave({ name }, { linkOf(v, name) }) end
  local before = head
  while true do
    local behind = call('HGET', N, linkOf(before, name))
    if not behind then return end
    if behind == v then break end
    before = behind
  end
  local after = call('HGET', N, linkOf(v, name))
  call('HDEL', N, linkOf(v, name))
  if after then
    call('HSET', N, linkOf(before, name), after)
  else
    call('HDEL', N, linkOf(before, name))
    call('HSET', L, name, laneValue(head, before))
  end
end

local function remove(v)
  local sequence = sequenceOf(v)
  local entry = call('HGET', E, sequence)
  if not entry then return end
  local header = headerOf(entry)
  call('HDEL', E, sequence)
  call('HDEL', F, sequence)
  call('HDEL', A, sequence)
  local member = v..':'..#header[2]
  if call('ZSCORE', H, member) then endHolds({ member }) end
  if letter(v) >= 99 then
    call('HDEL', B, sequence)
    for _, name in ipairs(header[2]) do
      if name ~= lane then unlink(v, name) end
    end
  end
  if header[4] ~= cjson.null then
    local minute = tostring(floor(header[4] / 60000))
    minutes[minute] = (minutes[minute] or 0) - 1
  end
  local block = blockOf(sequence)
  blocks[block] = (blocks[block] or 0) - 1
  tombstones[#tombstones + 1] = sequence
  tombstones[#tombstones + 1] = 'p'
  bytes, count = bytes + bodyBytes(entry), count + 1
end

local value = call('HGET', L, lane)
if value then
  local v = endsOf(value)
  call('HDEL', L, lane)
  while v do
    local field = linkOf(v, lane)
    local behind = call('HGET', N, field)
    remove(v)
    if behind then call('HDEL', N, field) end
    v = behind
  end
end
countCampaigns(minutes)
countBlocks(blocks)
addTombstones(tombstones, tombstonesMax)
if count > 0 then
  call('HINCRBY', M, 'waiting', 0 - count)
  call('HINCRBY', M, 'wbytes', 0 - bytes)
  call('HINCRBY', M, 'purged', count)
end
flushReady()
return count
`

const RESOLVE = `${COMMON}
local how, tombstonesMax = ARGV[1], tonumber(ARGV[2])
local sequences = {}
for index = 3, #ARGV do sequences[#sequences + 1] = ARGV[index] end
local letters = read('HMGET', D, sequences)
local last = tonumber(call('HGET', M, 'seq') or 0)
local gone, tombstones, minutes, blocks, ids = {}, {}, {}, {}, {}
local deadBytes, expired = 0, 0

local function replay(header, first, body)
  last = last + 1
  local own = format('%d', last)
  call('HSET', E, own, first..'\\n'..body)
  know(header[2])
  enter(own, header[3] == 1, header[2])
  local block = blockOf(own)
  blocks[block] = (blocks[block] or 0) + 1
  if header[4] ~= cjson.null then
    local minute = tostring(floor(header[4] / 60000))
    minutes[minute] = (minutes[minute] or 0) + 1
  end
  return own
end

for index, sequence in ipairs(sequences) do
  local letter = letters[index]
  if letter and not gone[sequence] then
    gone[sequence] = true
    local first, detail, rest = match(letter, '^([^\\n]*)\\n([^\\n]*)\\n(.*)$')
    local body = sub(rest, find(rest, '\\n', 1, true) + 1)
    local header = cjson.decode(first)
    ids[#ids + 1] = header[1]
    deadBytes = deadBytes + #body
    if cjson.decode(detail).reason == 'expired' then expired = expired + 1 end
    call('HDEL', D, sequence)
    call('ZREM', DZ, sequence)
    tombstones[#tombstones + 1] = sequence
    tombstones[#tombstones + 1] = how == 'replay' and replay(header, first, body) or how == 'drop' and 'd' or 'p'
  end
end
flushLanes()
countCampaigns(minutes)
countBlocks(blocks)
addTombstones(tombstones, tombstonesMax)
if #ids > 0 then
  call('HINCRBY', M, 'deads', 0 - #ids)
  call('HINCRBY', M, 'dbytes', 0 - deadBytes)
  call('HINCRBY', M, 'dead', expired - #ids)
  call('HINCRBY', M, 'expired', 0 - expired)
  if how == 'replay' then
    call('HSET', M, 'seq', last)
    call('HINCRBY', M, 'waiting', #ids)
    call('HINCRBY', M, 'wbytes', deadBytes)
  else
    call('HINCRBY', M, how == 'drop' and 'dropped' or 'purged', #ids)
  end
end
return { #ids, flushReady() and 1 or 0, ids }
`

export const purgeScript: RedisScript = { name: 'purge-lane', source: PURGE }
export const resolveScript: RedisScript = { name: 'resolve-dead', source: RESOLVE }
