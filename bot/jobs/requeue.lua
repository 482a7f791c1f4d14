-- Puts a claimed job back into its stream: handed back by its holder, or a read whose lease lapsed.
-- KEYS prefix, claims
-- ARGV job, token, '1' for only if the lease has lapsed (which counts as an attempt)
-- Returns 'ok', 'alive', 'lost' or 'gone' (the entry is not there any more).
local prefix, claims = KEYS[1], KEYS[2]
local job, token, lapsed = ARGV[1], ARGV[2], ARGV[3] == '1'
local claim, request = prefix .. 'claim:' .. job, prefix .. 'request:' .. job
local held = redis.call('HMGET', claim, 'token', 'stream', 'entry', 'attempt', 'effect')
if held[1] ~= token then
  return 'lost'
end
if lapsed then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if tonumber(redis.call('ZSCORE', claims, job) or '0') > now then
    return 'alive'
  end
end
local stream, entry = held[2], held[3]
local found = redis.call('XRANGE', stream, entry, entry)[1]
if not found then
  return 'gone'
end
local ticket
for i = 1, #found[2], 2 do
  if found[2][i] == 'ticket' then
    ticket = found[2][i + 1]
  end
end
local attempt = tonumber(held[4]) + (lapsed and 1 or 0)
local again = redis.call('XADD', stream, '*', 'job', job, 'effect', held[5], 'attempt', attempt, 'ticket', ticket)
redis.call('XACK', stream, 'workers', entry)
redis.call('XDEL', stream, entry)
redis.call('DEL', claim)
redis.call('ZREM', claims, job)
if redis.call('EXISTS', request) == 1 then
  redis.call('HSET', request, 'entry', again)
end
return 'ok'
