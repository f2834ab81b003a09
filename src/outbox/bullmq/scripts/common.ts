/**
 * What all scripts begin with: the names of the keys, and the two movements of an entry, into its lanes and out of them.
 *
 * All keys share the hash tag of `KEYS[1]`, so one slot holds an outbox. A sequence `s` travels as `v = 2s + express`.
 * - `m` the account and counters · `s` stream of waiting entries, id `<sequence>-0`, fields `h` (header) and `b` (body)
 * - `l` lane -> `2v + express` of its head · `q:<lane>` list of the `v` behind the head, only where there are any
 * - `b` sequence -> in how many of its lanes it is not the head yet, only for entries of several lanes
 * - `re`, `rb` lists of the `v` that may go: express and backlog
 * - `f` sequence -> express and lease of what is in flight · `x` the same by the end of the lease
 * - `h` `v:lanes` of what is held back, by when it may go · `a` sequence -> attempts, where there were any
 * - `d` sequence -> dead letter · `dz` their sequences in order · `t`, `tl` tombstones, and their sequences, oldest first
 * - `c` minute of a campaign time -> how many waiting entries have it
 * - `i:<n>` id -> sequence, two generations · `k`, `kz` the same of keyed entries, and by when they came
 *
 * A lane is in `l` exactly as long as it has an unsettled entry, and its head is in exactly one of: `re`/`rb`, `f`, `h`,
 * or `b`. A purged entry may leave its `v` behind in `re`/`rb`; a claim finds no such entry and drops it.
 */
export const COMMON: string = `
local K = KEYS[1]
local M, S, L, B, RE, RB, F, X, H, A = K..'m', K..'s', K..'l', K..'b', K..'re', K..'rb', K..'f', K..'x', K..'h', K..'a'
local D, DZ, T, TL, C, Q = K..'d', K..'dz', K..'t', K..'tl', K..'c', K..'q:'
local call = redis.call
local CHUNK = 4000

local function nowMs()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function write(command, key, list)
  for from = 1, #list, CHUNK do call(command, key, unpack(list, from, math.min(from + CHUNK - 1, #list))) end
end

local function read(command, key, list)
  if #list <= CHUNK then return #list == 0 and {} or call(command, key, unpack(list)) end
  local all = {}
  for from = 1, #list, CHUNK do
    for _, each in ipairs(call(command, key, unpack(list, from, math.min(from + CHUNK - 1, #list)))) do all[#all + 1] = each end
  end
  return all
end

local readyExpress, readyBacklog = {}, {}
local function ready(v)
  if v % 2 == 1 then readyExpress[#readyExpress + 1] = v else readyBacklog[#readyBacklog + 1] = v end
end

-- Says whether a queue had been empty: somebody may be asleep.
local function flushReady()
  local woke = false
  for key, list in pairs({ [RE] = readyExpress, [RB] = readyBacklog }) do
    if #list > 0 then
      write('RPUSH', key, list)
      if call('LLEN', key) == #list then woke = true end
    end
  end
  return woke
end

local lanes, changed, queued = {}, {}, {}
local function know(names)
  local unknown = {}
  for _, name in ipairs(names) do
    if lanes[name] == nil then
      lanes[name] = false
      unknown[#unknown + 1] = name
    end
  end
  for index, value in ipairs(read('HMGET', L, unknown)) do lanes[unknown[index]] = tonumber(value) or false end
end

-- The entry joins the end of its lanes, which are known.
local function enter(sequence, live, names)
  local express = live
  for _, name in ipairs(names) do
    if lanes[name] and lanes[name] % 2 == 0 then express = false end
  end
  local flag = express and 1 or 0
  local v = sequence * 2 + flag
  local behind = 0
  for _, name in ipairs(names) do
    local value = lanes[name]
    if value then
      behind = behind + 1
      local list = queued[name]
      if list == nil then queued[name] = { v } else list[#list + 1] = v end
      if value % 2 ~= flag then lanes[name], changed[name] = value - value % 2 + flag, true end
    else
      lanes[name], changed[name] = v * 2 + flag, true
    end
  end
  if behind == 0 then
    ready(v)
  elseif #names > 1 then
    call('HSET', B, sequence, behind)
  end
end

local function flushLanes()
  local pairsOf = {}
  for name in pairs(changed) do
    pairsOf[#pairsOf + 1] = name
    pairsOf[#pairsOf + 1] = lanes[name]
  end
  write('HSET', L, pairsOf)
  for name, list in pairs(queued) do write('RPUSH', Q..name, list) end
end

-- The heads of these lanes are gone; those behind move up, and are ready where they are the head of all their lanes.
local function leave(names)
  local values = read('HMGET', L, names)
  local set, gone, heads, sequences = {}, {}, {}, {}
  for index, name in ipairs(names) do
    local v = values[index] and call('LPOP', Q..name)
    if v then
      set[#set + 1] = name
      set[#set + 1] = v * 2 + values[index] % 2
      heads[#heads + 1] = tonumber(v)
      sequences[#sequences + 1] = math.floor(v / 2)
    elseif values[index] then
      gone[#gone + 1] = name
    end
  end
  write('HSET', L, set)
  write('HDEL', L, gone)
  if #heads == 0 then return end
  local blocked = call('HLEN', B) > 0 and read('HMGET', B, sequences) or {}
  local behind = {}
  for index, v in ipairs(heads) do
    local sequence = sequences[index]
    local count = behind[sequence] or tonumber(blocked[index] or nil)
    if count == nil then
      ready(v)
    else
      behind[sequence] = count - 1
      if count == 1 then
        call('HDEL', B, sequence)
        ready(v)
      else
        call('HSET', B, sequence, count - 1)
      end
    end
  end
end

-- Ends the leases and waits whose time has come.
local function expire(now)
  while true do
    local due = call('ZRANGEBYSCORE', X, '-inf', now, 'LIMIT', 0, 1000)
    if #due == 0 then break end
    local marks = call('HMGET', F, unpack(due))
    for index, sequence in ipairs(due) do
      if marks[index] then ready(sequence * 2 + tonumber(string.sub(marks[index], 1, 1))) end
    end
    call('ZREM', X, unpack(due))
    call('HDEL', F, unpack(due))
  end
  while true do
    local due = call('ZRANGEBYSCORE', H, '-inf', now, 'LIMIT', 0, 1000)
    if #due == 0 then break end
    local held = 0
    for _, member in ipairs(due) do
      local v, count = string.match(member, '^(%d+):(%d+)$')
      ready(tonumber(v))
      held = held + tonumber(count)
    end
    call('ZREM', H, unpack(due))
    call('HINCRBY', M, 'held', 0 - held)
  end
end

local function countCampaigns(minutes)
  for minute, count in pairs(minutes) do
    if call('HINCRBY', C, minute, count) <= 0 then call('HDEL', C, minute) end
  end
end

local function addTombstones(list, max)
  if #list == 0 then return end
  local order = {}
  for index = 1, #list, 2 do order[#order + 1] = list[index] end
  write('HSET', T, list)
  write('RPUSH', TL, order)
  local over = call('LLEN', TL) - max
  while over > 0 do
    local old = call('LPOP', TL, math.min(over, 1000))
    call('HDEL', T, unpack(old))
    over = over - #old
    local known = tonumber(call('HGET', M, 'forgotten') or 0)
    for _, sequence in ipairs(old) do known = math.max(known, tonumber(sequence)) end
    call('HSET', M, 'forgotten', known)
  end
end

local function entryAt(sequence)
  local id = sequence..'-0'
  local found = call('XRANGE', S, id, id)[1]
  if found then return found[2][2], found[2][4] end
end
`
