-- Ends a job, by the holder of its claim alone: releases the claim, removes the entry, adds the event.
-- KEYS prefix, claims, events
-- ARGV job, token, event, seconds that the end is remembered, '1' for only if the lease has lapsed
-- Returns 'ok' (also when this token ended it before), 'alive' or 'lost'.
local prefix, claims, events = KEYS[1], KEYS[2], KEYS[3]
local job, token = ARGV[1], ARGV[2]
local claim, done = prefix .. 'claim:' .. job, prefix .. 'done:' .. job
local held = redis.call('HMGET', claim, 'token', 'stream', 'entry')
if held[1] ~= token then
  return redis.call('GET', done) == token and 'ok' or 'lost'
end
if ARGV[5] == '1' then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if tonumber(redis.call('ZSCORE', claims, job) or '0') > now then
    return 'alive'
  end
end
redis.call('XACK', held[2], 'workers', held[3])
redis.call('XDEL', held[2], held[3])
redis.call('DEL', claim, prefix .. 'cancel:' .. job)
redis.call('ZREM', claims, job)
redis.call('SET', done, token, 'EX', ARGV[4])
redis.call('XADD', events, '*', 'event', ARGV[3])
return 'ok'
