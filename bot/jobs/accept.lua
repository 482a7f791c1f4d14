-- Takes one request: dedupes it, keeps its record, notes it for the audit, queues its ticket. All or nothing.
-- KEYS delivery, request, stream, audit, prefix
-- ARGV job, delivery seconds, request seconds, record, signature, ticket, effect, audit entry, its mac,
--   the most audit entries that may wait for the disk, and the milliseconds one may have waited (for a change),
--   lane, asker, latest start in epoch seconds, what the change is ('' for a read), '1' to queue it a second time
-- Returns {job, 0}, {the job that is already there, 1}, {'', 2} when the audit takes no more, or
-- {the job that does the same, 3}.
local known = redis.call('GET', KEYS[1])
if known then
  return {known, 1}
end
local same = KEYS[5] .. 'same:' .. ARGV[15]
if ARGV[15] ~= '' and ARGV[16] ~= '1' then
  local other = redis.call('GET', same)
  if other and redis.call('EXISTS', KEYS[5] .. 'done:' .. other) == 0 then
    return {other, 3}
  end
end
if redis.call('XLEN', KEYS[4]) >= tonumber(ARGV[10]) then
  return {'', 2}
end
local oldest = redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', 1)[1]
if oldest and ARGV[7] == 'change' then
  local now = redis.call('TIME')
  local waited = now[1] * 1000 + now[2] / 1000 - tonumber(string.match(oldest[1], '^%d+'))
  if waited > tonumber(ARGV[11]) then
    return {'', 2}
  end
end
redis.call('XADD', KEYS[4], '*', 'entry', ARGV[8], 'mac', ARGV[9])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
local entry = redis.call('XADD', KEYS[3], '*', 'job', ARGV[1], 'effect', ARGV[7], 'attempt', '1', 'ticket', ARGV[6],
  'user', ARGV[13], 'not_after', ARGV[14])
redis.call('HSET', KEYS[2], 'record', ARGV[4], 'signature', ARGV[5], 'lane', ARGV[12], 'entry', entry)
redis.call('EXPIRE', KEYS[2], ARGV[3])
if ARGV[15] ~= '' then
  redis.call('SET', same, ARGV[1], 'EX', ARGV[2])
end
return {ARGV[1], 0}
