-- Ends a job that waits or is held, or tells the worker that runs it.
-- KEYS prefix, events
-- ARGV host, job, signed order ('' to let a running one run), event that ends a waiting job, channel, seconds
--   that order and end are kept
-- Returns 'removed', 'told', 'ended', 'unknown', or 'running' without an order.
local prefix, events = KEYS[1], KEYS[2]
local host, job, seconds = ARGV[1], ARGV[2], ARGV[6]
if redis.call('EXISTS', prefix .. 'done:' .. job) == 1 then
  return 'ended'
end
local state = redis.call('HGET', claim_of(prefix, job), 'state')
if state == 'claimed' and ARGV[3] == '' then
  return 'running'
end
if state == 'claimed' then
  redis.call('SET', prefix .. 'cancel:' .. job, ARGV[3], 'EX', seconds)
  redis.call('PUBLISH', ARGV[5], ARGV[3])
  return 'told'
end
local at = redis.call('HMGET', prefix .. 'request:' .. job, 'lane', 'entry')
local waits = at[1] and redis.call('XDEL', stream_of(prefix, host, at[1]), at[2]) == 1
local held = redis.call('HDEL', held_of(prefix, host), job) == 1
if not state and not waits and not held then
  return 'unknown'
end
end_job(prefix, host, job, 'cancelled', seconds)
redis.call('XADD', events, '*', 'event', ARGV[4])
return 'removed'
