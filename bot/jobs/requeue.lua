-- Makes a claimed job ready again: handed back by its holder, or a read whose lease lapsed.
-- KEYS prefix, claims
-- ARGV host, job, token, '1' for only if the lease has lapsed (which counts as an attempt)
-- Returns 'ok', 'alive', 'lost' or 'gone' (the entry is not there any more).
local prefix, claims = KEYS[1], KEYS[2]
local host, job = ARGV[1], ARGV[2]
local lapsed = ARGV[4] == '1'
local state = standing(prefix, host, job, ARGV[3], lapsed)
if state ~= 'ok' then
  return state
end
local held = redis.call('HMGET', claim_of(prefix, job), 'lane', 'entry')
if #redis.call('XRANGE', stream_of(prefix, host, held[1]), held[2], held[2]) == 0 then
  return 'gone'
end
if lapsed then
  redis.call('HINCRBY', claim_of(prefix, job), 'attempt', 1)
end
redis.call('ZREM', claims, job)
leave_share(prefix, host, job)
make_ready(prefix, host, job)
return 'ok'
