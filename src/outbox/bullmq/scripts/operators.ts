/**
 * What operators change. A header begins with id, lanes, 1 for live, and the campaign time or null (`entry-code.ts`).
 *
 * `purgeLane`, ARGV: lane, entriesMax, tombstonesMax. Removes waiting entries from the end of the lane, its head last.
 * Answer: how many went, and 1 where there are more.
 * `resolveDead`, ARGV: `replay`, `drop` or `purge`, tombstonesMax, sequences. Answer: how many, 1 where somebody may be asleep,
 * and the ids of those that went.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const PURGE = `${COMMON}
local lane, most, tombstonesMax = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local tombstones, minutes, bytes, count = {}, {}, 0, 0

local function endHold(v, names)
  if call('ZREM', H, v..':'..#names) == 1 then call('HINCRBY', M, 'held', 0 - #names) end
end

local function remove(v)
  local sequence = math.floor(v / 2)
  local header, body = entryAt(sequence)
  if not header then return end
  local entry = cjson.decode(header)
  call('XDEL', S, sequence..'-0')
  call('HDEL', F, sequence)
  call('ZREM', X, sequence)
  call('HDEL', A, sequence)
  call('HDEL', B, sequence)
  endHold(v, entry[2])
  local headOf = {}
  for _, name in ipairs(entry[2]) do
    if name ~= lane then
      local value = tonumber(call('HGET', L, name) or nil)
      if value and math.floor(value / 2) == tonumber(v) then headOf[#headOf + 1] = name else call('LREM', Q..name, 1, v) end
    end
  end
  leave(headOf)
  if entry[4] ~= cjson.null then
    local minute = tostring(math.floor(entry[4] / 60000))
    minutes[minute] = (minutes[minute] or 0) - 1
  end
  tombstones[#tombstones + 1] = sequence
  tombstones[#tombstones + 1] = 'p'
  bytes, count = bytes + #body, count + 1
end

local value = tonumber(call('HGET', L, lane) or nil)
local more = 0
if value then
  local behind = call('RPOP', Q..lane, most)
  if behind then
    for _, v in ipairs(behind) do remove(v) end
    more = 1
  else
    remove(math.floor(value / 2))
    leave({ lane })
  end
end
countCampaigns(minutes)
addTombstones(tombstones, tombstonesMax)
if count > 0 then
  call('HINCRBY', M, 'waiting', 0 - count)
  call('HINCRBY', M, 'wbytes', 0 - bytes)
  call('HINCRBY', M, 'purged', count)
end
flushReady()
return { count, more }
`

const RESOLVE = `${COMMON}
local how, tombstonesMax = ARGV[1], tonumber(ARGV[2])
local sequences = {}
for index = 3, #ARGV do sequences[#sequences + 1] = ARGV[index] end
local letters = read('HMGET', D, sequences)
local last = tonumber(call('HGET', M, 'seq') or 0)
local gone, tombstones, minutes, ids = {}, {}, {}, {}
local deadBytes, dead, expired = 0, 0, 0
for index, sequence in ipairs(sequences) do
  local letter = letters[index]
  if letter and not gone[sequence] then
    gone[sequence] = true
    local header, detail, rest = string.match(letter, '^([^\\n]*)\\n([^\\n]*)\\n(.*)$')
    local body = string.sub(rest, string.find(rest, '\\n', 1, true) + 1)
    local entry = cjson.decode(header)
    ids[#ids + 1] = entry[1]
    deadBytes = deadBytes + #body
    if cjson.decode(detail).reason == 'expired' then expired = expired + 1 else dead = dead + 1 end
    call('HDEL', D, sequence)
    call('ZREM', DZ, sequence)
    local became = how == 'drop' and 'd' or 'p'
    if how == 'replay' then
      last = last + 1
      call('XADD', S, last..'-0', 'h', header, 'b', body)
      know(entry[2])
      enter(last, entry[3] == 1, entry[2])
      if entry[4] ~= cjson.null then
        local minute = tostring(math.floor(entry[4] / 60000))
        minutes[minute] = (minutes[minute] or 0) + 1
      end
      became = tostring(last)
    end
    tombstones[#tombstones + 1] = sequence
    tombstones[#tombstones + 1] = became
  end
end
flushLanes()
countCampaigns(minutes)
addTombstones(tombstones, tombstonesMax)
if #ids > 0 then
  call('HINCRBY', M, 'deads', 0 - #ids)
  call('HINCRBY', M, 'dbytes', 0 - deadBytes)
  call('HINCRBY', M, 'dead', 0 - dead)
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
