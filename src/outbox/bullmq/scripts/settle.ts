/**
 * Writes verdicts back, each under its lease.
 *
 * ARGV: number of settlements; per settlement: sequence, lease, verdict (`d` delivered, `w` waiting, `x` dead), its delay in
 * milliseconds or its detail as JSON or '', 1 where the attempt counts, campaign minute or '', bytes of the body, number of lanes, lanes.
 * Answer: 1 for held, 0 for lapsed, of each.
 *
 * `renew`, ARGV: leaseMs; lease and sequence in turn. Answer: 1 or 0 of each. `release`, ARGV: the same without leaseMs.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const SETTLE = `${COMMON}
local now = nowMs()
expire(now)
local list, at, sequences = {}, 2, {}
for index = 1, tonumber(ARGV[1]) do
  local laneCount = tonumber(ARGV[at + 7])
  list[index] = at
  sequences[index] = ARGV[at]
  at = at + 8 + laneCount
end
local marks = read('HMGET', F, sequences)
local answers, done, over, gone, freed, minutes = {}, {}, {}, {}, {}, {}
local delivered, dead, expired, bytes, deadBytes, held = 0, 0, 0, 0, 0, 0
for index, from in ipairs(list) do
  local sequence, lease, verdict, argument = ARGV[from], ARGV[from + 1], ARGV[from + 2], ARGV[from + 3]
  local mark = marks[index]
  if not mark or done[sequence] or string.sub(mark, 2) ~= lease then
    answers[index] = 0
  else
    answers[index] = 1
    done[sequence] = true
    over[#over + 1] = sequence
    local laneCount = tonumber(ARGV[from + 7])
    if verdict == 'w' then
      if ARGV[from + 4] == '1' then call('HINCRBY', A, sequence, 1) end
      local v = sequence * 2 + tonumber(string.sub(mark, 1, 1))
      if tonumber(argument) > 0 then
        call('ZADD', H, now + argument, v..':'..laneCount)
        held = held + laneCount
      else
        ready(v)
      end
    else
      if verdict == 'x' then
        local header, body = entryAt(sequence)
        local attempts = call('HGET', A, sequence) or 0
        call('HSET', D, sequence, header..'\\n'..argument..'\\n'..attempts..':'..now..'\\n'..body)
        call('ZADD', DZ, sequence, sequence)
        if cjson.decode(argument).reason == 'expired' then expired = expired + 1 else dead = dead + 1 end
        deadBytes = deadBytes + #body
      else
        delivered = delivered + 1
      end
      gone[#gone + 1] = sequence
      bytes = bytes + tonumber(ARGV[from + 6])
      local minute = ARGV[from + 5]
      if minute ~= '' then minutes[minute] = (minutes[minute] or 0) - 1 end
      for lane = 1, laneCount do freed[#freed + 1] = ARGV[from + 7 + lane] end
    end
  end
end
write('HDEL', F, over)
write('ZREM', X, over)
if #gone > 0 then
  if call('HLEN', A) > 0 then write('HDEL', A, gone) end
  local ids = {}
  for index, sequence in ipairs(gone) do ids[index] = sequence..'-0' end
  write('XDEL', S, ids)
  leave(freed)
  countCampaigns(minutes)
  call('HINCRBY', M, 'waiting', 0 - #gone)
  call('HINCRBY', M, 'wbytes', 0 - bytes)
  if delivered > 0 then call('HINCRBY', M, 'delivered', delivered) end
  if dead + expired > 0 then
    call('HINCRBY', M, 'dead', dead)
    call('HINCRBY', M, 'expired', expired)
    call('HINCRBY', M, 'deads', dead + expired)
    call('HINCRBY', M, 'dbytes', deadBytes)
  end
end
if held > 0 then call('HINCRBY', M, 'held', held) end
flushReady()
return answers
`

const RENEW = `${COMMON}
local now = nowMs()
expire(now)
flushReady()
local leaseMs = tonumber(ARGV[1])
local sequences, answers, ends = {}, {}, {}
for index = 3, #ARGV, 2 do sequences[#sequences + 1] = ARGV[index] end
for index, mark in ipairs(read('HMGET', F, sequences)) do
  local mine = mark and string.sub(mark, 2) == ARGV[index * 2]
  answers[index] = mine and 1 or 0
  if mine then
    ends[#ends + 1] = now + leaseMs
    ends[#ends + 1] = sequences[index]
  end
end
write('ZADD', X, ends)
return answers
`

const RELEASE = `${COMMON}
local sequences, over = {}, {}
for index = 2, #ARGV, 2 do sequences[#sequences + 1] = ARGV[index] end
for index, mark in ipairs(read('HMGET', F, sequences)) do
  if mark and string.sub(mark, 2) == ARGV[index * 2 - 1] then
    over[#over + 1] = sequences[index]
    ready(sequences[index] * 2 + tonumber(string.sub(mark, 1, 1)))
  end
end
write('HDEL', F, over)
write('ZREM', X, over)
return flushReady() and 1 or 0
`

export const settleScript: RedisScript = { name: 'settle', source: SETTLE }
export const renewScript: RedisScript = { name: 'renew', source: RENEW }
export const releaseScript: RedisScript = { name: 'release', source: RELEASE }
