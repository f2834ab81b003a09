/**
 * Stores several calls of `append`, each whole or not at all, in one go.
 *
 * ARGV: operationsMax, bytesMax, rememberKeysMs, keysMax, resendMs, resendIdsMax, number of calls; per call: number of
 * entries; per entry: id, flags (1 live, 2 keyed), header, body, campaign minute or '', number of lanes, lanes.
 * Answer: 1 where somebody may be asleep; then per call the sequence of each entry, negative for one that was there
 * already, or the bound that it would break, with its limit and what is used.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const SOURCE = `${COMMON}
local operationsMax, bytesMax, rememberMs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local keysMax, resendMs, idsMax = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local now = nowMs()
local meta = call('HMGET', M, 'seq', 'waiting', 'wbytes', 'deads', 'dbytes', 'accepted', 'duplicates', 'gen', 'ids', 'gensince')
for index = 1, 10 do meta[index] = tonumber(meta[index] or 0) end
local sequence, waiting, wbytes, deads, dbytes, accepted, duplicates = unpack(meta, 1, 7)
local generation, ids, since = unpack(meta, 8, 10)

local calls, at, allIds, allLanes = {}, 8, {}, {}
for index = 1, tonumber(ARGV[7]) do
  local entries = {}
  local count = tonumber(ARGV[at])
  at = at + 1
  for each = 1, count do
    local flags, laneCount = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 5])
    local names = { unpack(ARGV, at + 6, at + 5 + math.min(laneCount, CHUNK)) }
    for more = CHUNK + 1, laneCount do names[more] = ARGV[at + 5 + more] end
    local entry = { id = ARGV[at], live = flags % 2 == 1, keyed = flags >= 2, header = ARGV[at + 2], body = ARGV[at + 3], minute = ARGV[at + 4], names = names }
    entries[each] = entry
    if not entry.keyed then allIds[#allIds + 1] = entry.id end
    for _, name in ipairs(names) do allLanes[#allLanes + 1] = name end
    at = at + 6 + laneCount
  end
  calls[index] = entries
end
know(allLanes)

local I, KEY, KEYZ = K..'i:', K..'k', K..'kz'
local known = {}
for back = 0, 1 do
  for index, found in ipairs(read('HMGET', I..(generation - back), allIds)) do
    if found then known[allIds[index]] = known[allIds[index]] or tonumber(found) end
  end
end

local function knownKey(id)
  local found = call('HGET', KEY, id)
  if not found then return nil end
  local first, atMs = string.match(found, '^(%d+):(%d+)$')
  if now - tonumber(atMs) < rememberMs or entryAt(first) then return tonumber(first) end
end

local answers, added, minutes, remembered = {}, {}, {}, 0
for index, entries in ipairs(calls) do
  local mine, answer, newCount, newBytes = {}, {}, 0, 0
  for each, entry in ipairs(entries) do
    local first = mine[entry.id]
    if first == nil and entry.keyed then first = knownKey(entry.id) end
    if first == nil and not entry.keyed then first = known[entry.id] end
    if first then
      answer[each] = -first
    else
      newCount, newBytes = newCount + 1, newBytes + #entry.body
      answer[each] = sequence + newCount
      mine[entry.id] = answer[each]
    end
  end
  if waiting + deads + newCount > operationsMax then
    answers[index] = { 'operations', operationsMax, waiting + deads }
  elseif wbytes + dbytes + newBytes > bytesMax then
    answers[index] = { 'bytes', bytesMax, wbytes + dbytes }
  else
    for each, entry in ipairs(entries) do
      local own = answer[each]
      if own > 0 then
        call('XADD', S, own..'-0', 'h', entry.header, 'b', entry.body)
        enter(own, entry.live, entry.names)
        if entry.minute ~= '' then minutes[entry.minute] = (minutes[entry.minute] or 0) + 1 end
        if entry.keyed then
          call('HSET', KEY, entry.id, own..':'..now)
          call('ZADD', KEYZ, now, entry.id)
          remembered = remembered + 1
        else
          known[entry.id] = own
          added[#added + 1] = entry.id
          added[#added + 1] = own
        end
      end
    end
    sequence, waiting, wbytes, accepted = sequence + newCount, waiting + newCount, wbytes + newBytes, accepted + newCount
    duplicates = duplicates + #entries - newCount
    answers[index] = answer
  end
end

flushLanes()
countCampaigns(minutes)
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
