/**
 * Leases entries that may go: a share of the backlog first, then express, then the backlog again.
 *
 * ARGV: entriesMax, bytesMax, leaseMs, lease, share of the backlog. Answer: when to ask again in milliseconds, or -1; then
 * sequence, entry, attempts of each.
 */
import type { RedisScript } from '../link.ts'
import { COMMON } from './common.ts'

const SOURCE = `${COMMON}
local entriesMax, bytesMax, leaseMs, lease, share = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local now = nowMs()
expire(now)
flushReady()

local answer, sequences, taken, marks = { 0 }, {}, {}, {}
local bytes = 0
local function give(queue, upTo, bytesUpTo)
  while #sequences < upTo do
    local vs = call('LPOP', queue, math.min(upTo - #sequences, CHUNK))
    if not vs then return end
    local asked = {}
    for index, v in ipairs(vs) do asked[index] = sequenceOf(v) end
    for index, entry in ipairs(call('HMGET', E, unpack(asked))) do
      if entry then
        local size = bodyBytes(entry)
        if #sequences > 0 and (bytes >= bytesUpTo or bytes + size > bytesMax) then
          for back = #vs, index, -1 do call('LPUSH', queue, vs[back]) end
          return
        end
        local sequence, v = asked[index], vs[index]
        bytes = bytes + size
        sequences[#sequences + 1] = sequence
        taken[#taken + 1] = v
        marks[#marks + 1] = sequence
        marks[#marks + 1] = sub(v, -1)..lease
        answer[#answer + 1] = sequence
        answer[#answer + 1] = entry
        answer[#answer + 1] = 0
      end
    end
  end
end
give(RB, math.min(share, entriesMax), bytesMax / 4)
give(RE, entriesMax, bytesMax)
give(RB, entriesMax, bytesMax)

if #sequences > 0 then
  write('HSET', F, marks)
  write('RPUSH', X..':'..lease, taken)
  call('ZADD', X, now + leaseMs, lease)
  if call('HLEN', A) > 0 then
    for index, count in ipairs(read('HMGET', A, sequences)) do
      if count then answer[1 + index * 3] = tonumber(count) end
    end
  end
end

if call('LLEN', RE) == 0 and call('LLEN', RB) == 0 then
  local soonest
  for _, key in ipairs({ X, H }) do
    local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then soonest = math.min(soonest or math.huge, tonumber(first[2])) end
  end
  answer[1] = soonest and math.max(1, math.ceil(soonest - now)) or -1
end
return answer
`

export const claimScript: RedisScript = { name: 'claim', source: SOURCE }
