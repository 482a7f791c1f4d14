-- Takes one request: dedupes it, keeps its record, queues its ticket. All or nothing.
-- KEYS delivery, request, stream
-- ARGV job, delivery seconds, request seconds, record, signature, ticket, effect
-- Returns {job, 0}, or {the job that is already there, 1}.
local known = redis.call('GET', KEYS[1])
if known then
  return {known, 1}
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
local entry = redis.call('XADD', KEYS[3], '*', 'job', ARGV[1], 'effect', ARGV[7], 'attempt', '1', 'ticket', ARGV[6])
redis.call('HSET', KEYS[2], 'record', ARGV[4], 'signature', ARGV[5], 'stream', KEYS[3], 'entry', entry)
redis.call('EXPIRE', KEYS[2], ARGV[3])
return {ARGV[1], 0}
