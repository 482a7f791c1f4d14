-- Queues a job once more, under a ticket that was decided anew; nothing where it is queued or has ended.
-- Whatever it is, it is held no more.
-- KEYS prefix, request
-- ARGV host, job, effect, ticket, asker, latest start in epoch seconds
-- Returns 'ok' or 'there'.
local prefix, request, job = KEYS[1], KEYS[2], ARGV[2]
local at = redis.call('HMGET', request, 'lane', 'entry')
local lane = at[1] or 'normal'
local stream = stream_of(prefix, ARGV[1], lane)
redis.call('HDEL', held_of(prefix, ARGV[1]), job)
if redis.call('EXISTS', prefix .. 'done:' .. job, claim_of(prefix, job)) > 0
  or (at[2] and #redis.call('XRANGE', stream, at[2], at[2]) > 0) then
  return 'there'
end
local again = redis.call('XADD', stream, '*', 'job', job, 'effect', ARGV[3], 'attempt', '1', 'ticket', ARGV[4],
  'user', ARGV[5], 'not_after', ARGV[6])
redis.call('HSET', request, 'lane', lane, 'entry', again)
return 'ok'
