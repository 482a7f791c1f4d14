-- Keeps a job that is held, unless it is queued again, at work or over by now.
-- KEYS prefix, request
-- ARGV host, job, what is kept of it
-- Returns 'held' or 'there'.
local prefix, request, job = KEYS[1], KEYS[2], ARGV[2]
local at = redis.call('HMGET', request, 'lane', 'entry')
local stream = stream_of(prefix, ARGV[1], at[1] or 'normal')
if redis.call('EXISTS', prefix .. 'done:' .. job, claim_of(prefix, job)) > 0
  or (at[2] and #redis.call('XRANGE', stream, at[2], at[2]) > 0) then
  return 'there'
end
redis.call('HSET', held_of(prefix, ARGV[1]), job, ARGV[3])
return 'held'
