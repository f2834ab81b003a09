/**
 * Writes verdicts back, each under its lease.
 *
 * `settle`, ARGV: number of leases that have nothing left after this, and those; number of leases under which entries of one
 * lane were delivered, and per lease: it, number of entries, and of each sequence, campaign minute or '', bytes of the body,
 * lane; then per other settlement: sequence, lease, verdict (`d` delivered, `w` waiting, `x` dead), its delay in milliseconds or
 * its detail as JSON or '', 1 where the attempt counts, campaign minute or '', bytes of the body, number of lanes, lanes.
 * Answer: 1 for held, 0 for lapsed, of each.
 * `renew`, ARGV: leaseMs, leases. Answer: 1 or 0 of each. `release`, ARGV: leases. Answer: 1 where somebody may be asleep.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const SETTLE = `${COMMON}
local ARGV = ARGV
local now = nowMs()
expire(now)
local leasesOver = tonumber(ARGV[1])
local starts, leases, sequences = {}, {}, {}
local at = 3 + leasesOver
for _ = 1, tonumber(ARGV[2 + leasesOver]) do
  local lease, count = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, count do
    sequences[#sequences + 1] = ARGV[at]
    leases[#leases + 1] = lease
    starts[#starts + 1] = at
    at = at + 4
  end
end
local plain = #starts
while at <= #ARGV do
  sequences[#sequences + 1] = ARGV[at]
  leases[#leases + 1] = ARGV[at + 1]
  starts[#starts + 1] = at
  at = at + 8 + ARGV[at + 7]
end

local function die(sequence, detail)
  local entry = call('HGET', E, sequence)
  local line = find(entry, '\\n', 1, true)
  local attempts = call('HGET', A, sequence) or 0
  call('HSET', D, sequence, sub(entry, 1, line)..detail..'\\n'..attempts..':'..now..'\\n'..sub(entry, line + 1))
  call('ZADD', DZ, sequence, sequence)
  return cjson.decode(detail).reason == 'expired' and 1 or 0
end

local function wait(sequence, mark, start, laneCount)
  if ARGV[start + 4] == '1' then call('HINCRBY', A, sequence, 1) end
  local v = sequence..sub(mark, 1, 1)
  local delayMs = tonumber(ARGV[start + 3])
  if delayMs == 0 then
    ready(v)
    return 0
  end
  call('ZADD', H, now + delayMs, v..':'..laneCount)
  return laneCount
end

local answers, done, over, gone, freed, fields, minutes, blocks = {}, {}, {}, {}, {}, {}, {}, {}
local delivered, dead, expired, bytes, deadBytes, held = 0, 0, 0, 0, 0, 0
local function depart(sequence, minute, size)
  gone[#gone + 1] = sequence
  bytes = bytes + size
  if minute ~= '' then minutes[minute] = (minutes[minute] or 0) - 1 end
  local block = blockOf(sequence)
  blocks[block] = (blocks[block] or 0) - 1
end

local function settle(sequence, mark, start)
  local verdict, laneCount = ARGV[start + 2], tonumber(ARGV[start + 7])
  if verdict == 'w' then
    held = held + wait(sequence, mark, start, laneCount)
    return
  end
  if verdict == 'x' then
    expired = expired + die(sequence, ARGV[start + 3])
    dead, deadBytes = dead + 1, deadBytes + ARGV[start + 6]
  else
    delivered = delivered + 1
  end
  depart(sequence, ARGV[start + 5], ARGV[start + 6])
  for lane = 1, laneCount do
    local name = ARGV[start + 7 + lane]
    freed[#freed + 1] = name
    fields[#fields + 1] = laneCount > 1 and sequence..'/'..name or sequence
  end
end

local marks = read('HMGET', F, sequences)
for index, start in ipairs(starts) do
  local sequence, mark = sequences[index], marks[index]
  if not mark or done[sequence] or sub(mark, 2) ~= leases[index] then
    answers[index] = 0
  else
    answers[index] = 1
    done[sequence] = true
    over[#over + 1] = sequence
    if index <= plain then
      delivered = delivered + 1
      depart(sequence, ARGV[start + 1], ARGV[start + 2])
      freed[#freed + 1] = ARGV[start + 3]
      fields[#fields + 1] = sequence
    else
      settle(sequence, mark, start)
    end
  end
end
write('HDEL', F, over)
if #gone > 0 then
  if call('HLEN', A) > 0 then write('HDEL', A, gone) end
  write('HDEL', E, gone)
  leave(freed, fields)
  countCampaigns(minutes)
  countBlocks(blocks)
  call('HINCRBY', M, 'waiting', 0 - #gone)
  call('HINCRBY', M, 'wbytes', 0 - bytes)
  if delivered > 0 then call('HINCRBY', M, 'delivered', delivered) end
  if dead > 0 then
    call('HINCRBY', M, 'dead', dead - expired)
    call('HINCRBY', M, 'expired', expired)
    call('HINCRBY', M, 'deads', dead)
    call('HINCRBY', M, 'dbytes', deadBytes)
  end
end
if held > 0 then call('HINCRBY', M, 'held', held) end
for index = 2, 1 + leasesOver do
  call('ZREM', X, ARGV[index])
  call('DEL', X..':'..ARGV[index])
end
flushReady()
return answers
`

const RENEW = `${COMMON}
local now = nowMs()
expire(now)
flushReady()
-- Everything that a lease held may have been purged.
local function holds(lease)
  local sequences = {}
  for index, v in ipairs(call('LRANGE', X..':'..lease, 0, -1)) do sequences[index] = sequenceOf(v) end
  for _, mark in ipairs(read('HMGET', F, sequences)) do
    if mark and sub(mark, 2) == lease then return true end
  end
  endLease(lease)
  return false
end
local answers = {}
for index = 2, #ARGV do
  local held = holds(ARGV[index])
  answers[index - 1] = held and 1 or 0
  if held then call('ZADD', X, now + ARGV[1], ARGV[index]) end
end
return answers
`

const RELEASE = `${COMMON}
for _, lease in ipairs(ARGV) do endLease(lease) end
return flushReady() and 1 or 0
`

export const settleScript: RedisScript = { name: 'settle', source: SETTLE }
export const renewScript: RedisScript = { name: 'renew', source: RENEW }
export const releaseScript: RedisScript = { name: 'release', source: RELEASE }
