-- Ends a job that waits, or tells the worker that runs it.
-- KEYS prefix, events
-- ARGV job, signed order, event that ends a waiting job, channel, seconds that order and end are kept
-- Returns 'removed', 'told', 'ended' or 'unknown'.
local prefix, events = KEYS[1], KEYS[2]
local job = ARGV[1]
if redis.call('EXISTS', prefix .. 'done:' .. job) == 1 then
  return 'ended'
end
if redis.call('EXISTS', prefix .. 'claim:' .. job) == 1 then
  redis.call('SET', prefix .. 'cancel:' .. job, ARGV[2], 'EX', ARGV[5])
  redis.call('PUBLISH', ARGV[4], ARGV[2])
  return 'told'
end
local at = redis.call('HMGET', prefix .. 'request:' .. job, 'stream', 'entry')
if at[1] and redis.call('XDEL', at[1], at[2]) == 1 then
  redis.call('SET', prefix .. 'done:' .. job, 'cancelled', 'EX', ARGV[5])
  redis.call('XADD', events, '*', 'event', ARGV[3])
  return 'removed'
end
return 'unknown'
