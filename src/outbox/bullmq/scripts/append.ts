/**
 * Stores several calls of `append`, each whole or not at all, in one go.
 *
 * ARGV: operationsMax, bytesMax, rememberKeysMs, keysMax, resendMs, resendIdsMax, number of calls; per call: number of
 * entries; per entry: id, entry (header, line's end, body), campaign minute or '', 4 times the number of lanes + 2 for keyed
 * + 1 for live, lanes. Answer: 1 where somebody may be asleep; then per call the sequence of each entry, negative for one
 * that was there already, or the bound that it would break, with its limit and what is used.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const SOURCE = `${COMMON}
local ARGV = ARGV
local operationsMax, bytesMax, rememberMs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local keysMax, resendMs, idsMax = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local now = nowMs()
local meta = call('HMGET', M, 'seq', 'waiting', 'wbytes', 'deads', 'dbytes', 'accepted', 'duplicates', 'gen', 'ids', 'gensince')
for index = 1, 10 do meta[index] = tonumber(meta[index] or 0) end
local sequence, waiting, wbytes, deads, dbytes, accepted, duplicates = unpack(meta, 1, 7)
local generation, ids, since = unpack(meta, 8, 10)

-- Where the entries of each call begin, and everything that must be asked.
local calls, at, allIds, allLanes = {}, 8, {}, {}
for index = 1, tonumber(ARGV[7]) do
  local starts = {}
  local count = tonumber(ARGV[at])
  at = at + 1
  for each = 1, count do
    starts[each] = at
    local shape = tonumber(ARGV[at + 3])
    if shape % 4 < 2 then allIds[#allIds + 1] = ARGV[at] end
    local laneCount = floor(shape / 4)
    for lane = 4, 3 + laneCount do allLanes[#allLanes + 1] = ARGV[at + lane] end
    at = at + 4 + laneCount
  end
  calls[index] = starts
end
know(allLanes)

local I, KEY, KEYZ = K..'i:', K..'k', K..'kz'
local known = {}
for back = 0, 1 do
  for index, found in ipairs(read('HMGET', I..(generation - back), allIds)) do
    if found then known[allIds[index]] = known[allIds[index]] or found end
  end
end

local function knownKey(id)
  local found = call('HGET', KEY, id)
  if not found then return nil end
  local first, atMs = match(found, '^(%d+):(%d+)$')
  if now - tonumber(atMs) < rememberMs or call('HEXISTS', E, first) == 1 then return tonumber(first) end
end

local stored, added, minutes, blocks, remembered = {}, {}, {}, {}, 0
local function store(own, start)
  local id, shape, minute = ARGV[start], tonumber(ARGV[start + 3]), ARGV[start + 2]
  local text = format('%d', own)
  stored[#stored + 1] = text
  stored[#stored + 1] = ARGV[start + 1]
  local laneCount = floor(shape / 4)
  if laneCount == 1 then
    enterOne(text, shape % 2 == 1, ARGV[start + 4])
  else
    local names = {}
    for lane = 1, laneCount do names[lane] = ARGV[start + 3 + lane] end
    enterSeveral(text, shape % 2 == 1, names)
  end
  if minute ~= '' then minutes[minute] = (minutes[minute] or 0) + 1 end
  local block = blockOf(text)
  blocks[block] = (blocks[block] or 0) + 1
  if shape % 4 >= 2 then
    call('HSET', KEY, id, text..':'..now)
    call('ZADD', KEYZ, now, id)
    remembered = remembered + 1
  else
    known[id] = text
    added[#added + 1] = id
    added[#added + 1] = text
  end
end

local answers = {}
for index, starts in ipairs(calls) do
  local mine, answer, newCount, newBytes = {}, {}, 0, 0
  for each, start in ipairs(starts) do
    local id = ARGV[start]
    local first = mine[id]
    if first == nil then
      if ARGV[start + 3] % 4 >= 2 then first = knownKey(id) else first = known[id] end
    end
    if first then
      answer[each] = 0 - first
    else
      newCount, newBytes = newCount + 1, newBytes + bodyBytes(ARGV[start + 1])
      answer[each] = sequence + newCount
      mine[id] = answer[each]
    end
  end
  if waiting + deads + newCount > operationsMax then
    answers[index] = { 'operations', operationsMax, waiting + deads }
  elseif wbytes + dbytes + newBytes > bytesMax then
    answers[index] = { 'bytes', bytesMax, wbytes + dbytes }
  else
    for each, start in ipairs(starts) do
      if answer[each] > 0 then store(answer[each], start) end
    end
    sequence, waiting, wbytes, accepted = sequence + newCount, waiting + newCount, wbytes + newBytes, accepted + newCount
    duplicates = duplicates + #starts - newCount
    answers[index] = answer
  end
end

write('HSET', E, stored)
flushLanes()
countCampaigns(minutes)
countBlocks(blocks)
write('HSET', I..generation, added)
ids = ids + #added / 2
if ids >= idsMax or (ids >= 10000 and now - since >= resendMs) then
  call('UNLINK', I..(generation - 1))
  generation, ids, since = generation + 1, 0, now
end
if remembered > 0 and call('ZCARD', KEYZ) > keysMax then
  local popped = call('ZPOPMIN', KEYZ, call('ZCARD', KEYZ) - keysMax)
  for index = 1, #popped, 2 do call('HDEL', KEY, popped[index]) end
end
call('HSET', M, 'seq', sequence, 'waiting', waiting, 'wbytes', wbytes, 'accepted', accepted, 'duplicates', duplicates,
  'gen', generation, 'ids', ids, 'gensince', since)
return { flushReady() and 1 or 0, answers }
`

export const appendScript: RedisScript = { name: 'append', source: SOURCE }
