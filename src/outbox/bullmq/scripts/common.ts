/**
 * What all scripts begin with: the names of the keys, and the two movements of an entry, into its lanes and out of them.
 *
 * All keys share the hash tag of `KEYS[1]`, so one slot holds an outbox. An entry is spoken of as its `v`: its sequence and a
 * letter, `a` or `b` for one lane, `c` or `d` for several, of which `b` and `d` are express.
 * - `m` the account and counters
 * - `e` sequence -> entry: its header, a line's end, its body · `g`, `gn` blocks of 100 sequences that hold entries, in
 *   order, and how many each holds: the order of `e`
 * - `l` lane -> `v` of its head, `:`, `v` of its end; one `v` where that is the same entry · `n` sequence (of an entry of
 *   several lanes: sequence, `/`, lane) -> `v` of the one behind it
 * - `b` sequence -> in how many of its lanes it is not the head yet, only for entries of several lanes
 * - `re`, `rb` lists of the `v` that may go: express and backlog
 * - `f` sequence -> the letter of its `v`, then the lease, of what is in flight · `x` leases by their end · `x:<lease>` their `v`
 * - `h` `v:lanes` of what is held back, by when it may go · `a` sequence -> attempts, where there were any
 * - `d` sequence -> dead letter · `dz` their sequences in order · `t`, `tl` tombstones, and their sequences, oldest first
 * - `c` minute of a campaign time -> how many waiting entries have it
 * - `i:<n>` id -> sequence, two generations · `k`, `kz` the same of keyed entries, and by when they came
 *
 * A lane is in `l` exactly as long as it has an unsettled entry. Its head is in exactly one of `re`/`rb`, `f`, `h`, `b`.
 * A purged entry may leave its `v` behind in `re`/`rb` and `x:<lease>`; whoever takes it from there finds no entry.
 *
 * Most of the time of a script goes into calls and into numbers that become text, not into what is done: so one call takes
 * many entries wherever it can, and a sequence stays the text that it is.
 */
export const COMMON: string = `
local K = KEYS[1]
local M, E, L, N, B, RE, RB, F, X, H, A = K..'m', K..'e', K..'l', K..'n', K..'b', K..'re', K..'rb', K..'f', K..'x', K..'h', K..'a'
local D, DZ, T, TL, C, G, GN = K..'d', K..'dz', K..'t', K..'tl', K..'c', K..'g', K..'gn'
local call, floor, tonumber, unpack, sub, find, match, byte, format = redis.call, math.floor, tonumber, unpack, string.sub, string.find, string.match, string.byte, string.format
local CHUNK = 4000

local function nowMs()
  local t = call('TIME')
  return t[1] * 1000 + floor(t[2] / 1000)
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

-- Of 'v': 97 to 100.
local function letter(v)
  return byte(v, -1)
end

local function sequenceOf(v)
  return sub(v, 1, -2)
end

local function blockOf(sequence)
  return #sequence > 2 and sub(sequence, 1, -3) or '0'
end

local readyExpress, readyBacklog = {}, {}
local function ready(v)
  if letter(v) % 2 == 0 then readyExpress[#readyExpress + 1] = v else readyBacklog[#readyBacklog + 1] = v end
end

-- Says whether a queue had been empty: somebody may be asleep.
local function flushReady()
  local woke = false
  if #readyExpress > 0 then
    write('RPUSH', RE, readyExpress)
    woke = call('LLEN', RE) == #readyExpress
  end
  if #readyBacklog > 0 then
    write('RPUSH', RB, readyBacklog)
    woke = woke or call('LLEN', RB) == #readyBacklog
  end
  return woke
end

local function endsOf(value)
  local colon = find(value, ':', 1, true)
  if not colon then return value, value end
  return sub(value, 1, colon - 1), sub(value, colon + 1)
end

local function laneValue(head, last)
  return head == last and head or head..':'..last
end

-- The field of the one behind 'v' in a lane.
local function linkOf(v, name)
  return letter(v) >= 99 and sequenceOf(v)..'/'..name or sequenceOf(v)
end

-- Head and last of the lanes that this script has looked at; false where there is nothing.
local heads, lasts, changed, links = {}, {}, {}, {}
local function know(names)
  local unknown = {}
  for _, name in ipairs(names) do
    if lasts[name] == nil then
      lasts[name] = false
      unknown[#unknown + 1] = name
    end
  end
  for index, value in ipairs(read('HMGET', L, unknown)) do
    if value then heads[unknown[index]], lasts[unknown[index]] = endsOf(value) end
  end
end

-- The entry joins the end of its lane, which is known.
local function enterOne(sequence, live, name)
  local last = lasts[name]
  local v = sequence..((live and (not last or letter(last) % 2 == 0)) and 'b' or 'a')
  if last then
    links[#links + 1] = linkOf(last, name)
    links[#links + 1] = v
  else
    heads[name] = v
    ready(v)
  end
  lasts[name] = v
  changed[name] = true
end

local function enterSeveral(sequence, live, names)
  local express = live
  local behind = 0
  for _, name in ipairs(names) do
    if lasts[name] then
      behind = behind + 1
      if letter(lasts[name]) % 2 == 1 then express = false end
    end
  end
  local v = sequence..(express and 'd' or 'c')
  for _, name in ipairs(names) do
    if lasts[name] then
      links[#links + 1] = linkOf(lasts[name], name)
      links[#links + 1] = v
    else
      heads[name] = v
    end
    lasts[name] = v
    changed[name] = true
  end
  if behind == 0 then ready(v) else call('HSET', B, sequence, behind) end
end

local function enter(sequence, live, names)
  if #names == 1 then enterOne(sequence, live, names[1]) else enterSeveral(sequence, live, names) end
end

local function flushLanes()
  local set = {}
  for name in pairs(changed) do
    set[#set + 1] = name
    set[#set + 1] = laneValue(heads[name], lasts[name])
  end
  write('HSET', L, set)
  write('HSET', N, links)
end

-- An entry moved up in one of its lanes: it is ready where it is the head of all of them.
local function moveUp(v)
  if letter(v) >= 99 then
    local sequence = sequenceOf(v)
    local left = call('HINCRBY', B, sequence, -1)
    if left > 0 then return end
    call('HDEL', B, sequence)
  end
  ready(v)
end

-- The heads of these lanes are gone; 'fields' are the links to those behind them.
local function leave(names, fields)
  local nexts = read('HMGET', N, fields)
  local gone, moved, movedTo, used = {}, {}, {}, {}
  for index, name in ipairs(names) do
    local v = nexts[index]
    if v then
      moved[#moved + 1] = name
      movedTo[#movedTo + 1] = v
      used[#used + 1] = fields[index]
    else
      gone[#gone + 1] = name
    end
  end
  write('HDEL', L, gone)
  if #moved == 0 then return end
  write('HDEL', N, used)
  local set = {}
  for index, value in ipairs(read('HMGET', L, moved)) do
    local _, last = endsOf(value)
    set[#set + 1] = moved[index]
    set[#set + 1] = laneValue(movedTo[index], last)
    moveUp(movedTo[index])
  end
  write('HSET', L, set)
end

local function endHolds(due)
  local held = 0
  for _, member in ipairs(due) do held = held + tonumber(match(member, ':(%d+)$')) end
  call('ZREM', H, unpack(due))
  call('HINCRBY', M, 'held', 0 - held)
end

-- What a lease still holds may go again.
local function endLease(lease)
  local vs = call('LRANGE', X..':'..lease, 0, -1)
  local sequences, over = {}, {}
  for index, v in ipairs(vs) do sequences[index] = sequenceOf(v) end
  for index, mark in ipairs(read('HMGET', F, sequences)) do
    if mark and sub(mark, 2) == lease then
      over[#over + 1] = sequences[index]
      ready(vs[index])
    end
  end
  write('HDEL', F, over)
  call('ZREM', X, lease)
  call('DEL', X..':'..lease)
  return #over
end

-- Ends the leases and waits whose time has come.
local function expire(now)
  for _, lease in ipairs(call('ZRANGEBYSCORE', X, '-inf', now)) do endLease(lease) end
  while true do
    local due = call('ZRANGEBYSCORE', H, '-inf', now, 'LIMIT', 0, 1000)
    if #due == 0 then break end
    for _, member in ipairs(due) do ready(match(member, '^[^:]+')) end
    endHolds(due)
  end
end

local function countCampaigns(minutes)
  for minute, count in pairs(minutes) do
    if call('HINCRBY', C, minute, count) <= 0 then call('HDEL', C, minute) end
  end
end

-- Takes note of which blocks of sequences hold how many entries more, or less.
local function countBlocks(blocks)
  for block, count in pairs(blocks) do
    local now = call('HINCRBY', GN, block, count)
    if now == 0 then
      call('HDEL', GN, block)
      call('ZREM', G, block)
    elseif now == count then
      call('ZADD', G, block, block)
    end
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

local function bodyBytes(entry)
  return #entry - find(entry, '\\n', 1, true)
end

local function headerOf(entry)
  return cjson.decode(sub(entry, 1, find(entry, '\\n', 1, true) - 1))
end
`
